"""What predictions are worth: metrics, the tables of reports/evaluate/, and tests of significance.

Imports core and data. Imported by params, exams, reporting, tracking, results, the command and api, and by the stages
that evaluate and plot.
"""
