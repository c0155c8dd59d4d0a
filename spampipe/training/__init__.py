"""The training loop, the reuse of frozen layers' output, scoring, several processes, and the log of a run.

Imports core, data and models. Imported by classifiers, and by what reads logs.
"""
