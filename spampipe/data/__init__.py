"""From a raw file to rows of token ids: collections, messages, balancing, splitting, tokenizing.

Imports core and downloads. Imported by whatever works with messages. No torch here: data stages start fast.
"""
