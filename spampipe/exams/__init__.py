"""Exams of a trained model: other files, behaviour on written cases, robustness against changed texts.

Imports core, data, classifiers and evaluation. Imported by reporting, the command and the stage that
evaluates, which makes the tests of behaviour.
"""
