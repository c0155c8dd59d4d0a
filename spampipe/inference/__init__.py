"""Using a trained model: from Python and from the command line.

Imports core, data, models, classifiers and params. Imported by the command, tracking and api. Nothing here
decides a byte of a result.
"""
