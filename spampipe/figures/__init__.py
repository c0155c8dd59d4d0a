"""Pictures of results. The same tables give the same bytes, as PNG and as PDF.

Imports core and data. Imported by api, the command and the stage that plots.
"""
