"""The training loop, the reuse of frozen layers' output, scoring, several processes, and the log of a run.

Imports core, data and models. Imported by classifiers, params, results and api, and by the stages that train and
plot.
"""
