"""What every stage knows: the workspace, errors, files, environment variables, progress, and how a program runs.

Imports no other package of spampipe; every other one may import it. Nothing here knows of messages or models.
"""
