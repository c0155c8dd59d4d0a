"""How good a trained model is on any labelled texts, with the intervals of its shares."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from spampipe.classifiers.text_classifier import TextClassifier
from spampipe.core.errors import DataError
from spampipe.data.labels import LabelSet
from spampipe.evaluation import readers, reports, scores
from spampipe.evaluation.intervals import Interval, wilson
from spampipe.evaluation.metric_types import label_keys
from spampipe.evaluation.scored import ScoredSplit, judged
from spampipe.exams.labelled_texts import LabelledTexts

Measure = Interval | float | int | None  # None where there is nothing to count


def share(successes: int, total: int) -> Interval | None:
    """A share with its interval; None of nothing.

    Args:
        successes: how many were counted.
        total: of how many.
    """
    return wilson(successes, total) if total else None


def score(classifier: TextClassifier, given: LabelledTexts, batch_size: int) -> ScoredSplit:
    """What a model makes of labelled texts, at its own threshold.

    Args:
        classifier: the trained model.
        given: the texts.
        batch_size: texts that are computed together; changes speed only.
    """
    found = classifier.probabilities(given.texts, batch_size=batch_size, name="texts")
    return judged("texts", given.texts, given.labels, found, classifier.labels, classifier.threshold)


def measure(split: ScoredSplit, labels: LabelSet) -> dict[str, Measure]:
    """The figures of scored texts by name: those about the positive label, or, without one, about each label.

    Args:
        split: at least one text; it may lack a label, whose figures are None then.
        labels: the label set.
    """
    right = int((split.labels == split.predicted).sum())
    found: dict[str, Measure] = {"messages": len(split), "accuracy": share(right, len(split))}
    positive = labels.positive_index
    if positive is not None:
        found |= _of_label(split, positive)
        counted = scores.errors(split, positive)
        negatives = counted.false_positives + counted.true_negatives
        found["false_positive_rate"] = share(counted.false_positives, negatives)
    else:
        macro = scores.macro(split)
        found |= {"macro_precision": macro.precision, "macro_recall": macro.recall, "macro_f1": macro.f1}
        for index, key in enumerate(label_keys(labels)):
            found |= {f"{name}_{key}": value for name, value in _of_label(split, index).items()}
    return found | {"log_loss": scores.log_loss(split)}


def flat(measures: Mapping[str, Measure]) -> dict[str, float | int | None]:
    """Figures as plain numbers: a share has two more, `_low` and `_high`, the ends of its interval.

    Args:
        measures: as `measure` returns them.
    """
    found: dict[str, float | int | None] = {}
    for name, value in measures.items():
        if isinstance(value, Interval):
            found |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
        else:
            found[name] = value
    return found


def of_test_split(predictions: Path, labels: LabelSet) -> dict[str, Measure]:
    """The same figures of the test messages, as the stage `evaluate` has answered them.

    Args:
        predictions: its predictions.csv.
        labels: the model's label set.

    Returns:
        Nothing if there is no such file, or it has no test messages.

    Raises:
        DataError: the file is no such table, or holds other labels.
    """
    if not predictions.exists():
        return {}
    table = readers.read_predictions(predictions, labels)
    table = table[table["split"] == "test"]
    if not {*table["label"], *table["predicted"]} <= set(labels.names):
        raise DataError(f"{predictions}: holds other labels than the model's; run `dvc repro evaluate`")
    if table.empty:
        return {}
    each = list(reports.prediction_columns(labels))[len(reports.PREDICTION_COLUMNS) :]
    if each:
        probabilities = table[each].to_numpy(np.float64)
    else:
        probabilities = np.empty((len(table), len(labels)))
        probabilities[:] = 1 - table["probability"].to_numpy(np.float64)[:, None]
        probabilities[:, labels.positive_index] = table["probability"]
    actual, predicted = (
        table[column].map(labels.names.index).to_numpy(np.int64) for column in ("label", "predicted")
    )
    return measure(ScoredSplit(table["text"].tolist(), actual, probabilities, predicted), labels)


def _of_label(split: ScoredSplit, label: int) -> dict[str, Measure]:
    """Precision, recall and F1 of one label against all others; None if no text has it."""
    counted = scores.errors(split, label)
    hits, present = counted.true_positives, counted.true_positives + counted.false_negatives
    if not present:
        return {"precision": None, "recall": None, "f1": None}
    return {
        "precision": share(hits, hits + counted.false_positives),
        "recall": share(hits, present),
        "f1": scores.of_label(split, label).f1,
    }
