"""A result told to people: one page of it, and a card of its model, from the files that the stages wrote.

Imports core, data, models, classifiers, evaluation, crossvalidation and exams. Imported by the stage that plots. The
same files give the same bytes: no times, no dates.
"""
