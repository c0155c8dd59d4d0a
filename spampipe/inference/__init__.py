"""Using a trained model: from Python, from the command line, from MLflow.

Imports core, data, models, evaluation and params. Imported by the command, by the stage that logs the model, and by
results. Nothing here decides a byte of a result.
"""
