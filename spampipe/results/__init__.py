"""Results held against each other: found, published, verified, checked, compared, registered.

Imports any other package. Imported by the command alone. Nothing here decides a byte of a result.
"""
