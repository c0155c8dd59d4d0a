"""Work with results: they are found, published, verified, checked, compared, registered.

Imports core, training, evaluation, params and tracking. Imported by the command and api. Nothing here decides a
byte of a result.
"""
