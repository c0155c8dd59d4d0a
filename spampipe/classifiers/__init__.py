"""What labels texts: one protocol, and each kind of model that implements it.

Imports core, data, models and training. Imported by params, exams, reporting, inference, tracking, the command
and api, and by the stages that train and evaluate.
"""
