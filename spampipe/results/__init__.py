"""Work with results: they are found, published, verified, checked, compared, registered.

Imports core, data, training, evaluation, params, presets, tracking and crossvalidation. Imported by the command and
api. Nothing here decides a byte of a result.
"""
