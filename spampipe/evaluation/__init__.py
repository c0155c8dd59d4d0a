"""What predictions are worth: scores, metrics, the tables of reports/evaluate/, and tests of significance.

Imports core, data, models and training. Imported by inference and results.
"""
