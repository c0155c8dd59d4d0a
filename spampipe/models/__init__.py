"""A base model, what is put on it, how its numbers are computed, and how it is saved; a module a family in families/.

Imports core, downloads and data. Imported by training, classifiers, params, reporting, inference, the command and
api. It knows no loop, no metric and no tracker.
"""
