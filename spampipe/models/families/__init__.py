"""One module a model family: its shapes, its published files, the names of its tensors, and its tokenizer.

Imports core, downloads, data, and of models what is no family's own. Imported by models/catalogue.py, where a new
family is entered. What needs torch is imported within functions, as data stages need none.
"""
