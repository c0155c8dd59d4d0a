"""The training loop, the reuse of frozen layers' output, several processes, and the log of a run.

Imports core, data and models. Imported by evaluation, which reuses frozen layers, and by what reads logs.
"""
