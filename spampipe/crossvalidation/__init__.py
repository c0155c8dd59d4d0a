"""Every message scored by a model that was not trained on it: folds, contenders, their answers and their cost.

Imports core, data, models, classifiers, evaluation and params. Imported by reporting, results and the command.
"""
