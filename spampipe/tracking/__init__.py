"""What MLflow is told, and how it shows it. Nothing here decides a byte of a result.

Imports core, data, training and params. Imported by stages and by results.
"""
