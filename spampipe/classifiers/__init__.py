"""What labels texts: one protocol, and each kind of model that implements it.

Imports core, data, models and training. Imported by params, inference, tracking and api, and by the
stages that train and evaluate.
"""
