"""Pinned files and where they come from: verified by their hash, from the first source that has them.

Imports core. Imported by data and models, which know what there is to download, and by api.
"""
