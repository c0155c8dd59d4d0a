"""From a raw file to rows of token ids: data sets, labels, messages, balancing, splitting, tokenizing.

Imports core and downloads. Imported by whatever works with messages. No torch here: data stages start fast.
"""
