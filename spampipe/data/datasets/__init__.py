"""Published data sets that can be fetched by name, one module each; `data/catalogue.py` lists them.

A new one is a module here that makes a `Dataset`, a line in the catalogue, and a file at the repository's top that
bears its name, which DVC watches.
"""
