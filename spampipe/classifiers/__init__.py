"""What labels texts: one protocol, and each kind of model that implements it.

Imports core, data, models and training. Imported by inference and params, and by the stages that train and evaluate.
"""
