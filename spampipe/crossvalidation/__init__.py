"""Every message scored by a model that was not trained on it: folds, contenders, their answers and their cost.

Imports core, downloads, data, models, training, classifiers, evaluation and params. Imported by the command.
"""
