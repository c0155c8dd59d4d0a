"""Exams of a trained model: other files, behaviour on written cases, robustness against changed texts.

Imports core, data, classifiers and evaluation. Imported by the command. Nothing here decides a byte of a result
of the pipeline.
"""
