"""From a raw file to rows of token ids: data sets, labels, messages, balancing, splitting, tokenizing.

Imports core and downloads. Imported by every package that works with messages or labels. No torch here: data stages
start fast.
"""
