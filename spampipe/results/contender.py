"""What several results are compared by: each one's answers to the same messages, and its metrics.

A contender is a result of the pipeline, whose test messages count, or a cross-validation's answers in a CSV file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spampipe import params
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.data import duplicates, labels
from spampipe.data.labels import LabelSet
from spampipe.evaluation import filter_metrics, readers, reports
from spampipe.evaluation.intervals import Interval
from spampipe.evaluation.out_of_fold import OutOfFold
from spampipe.params import CrossvalidateParams
from spampipe.results import history, result

_SUFFIX = ".csv"


@dataclass(frozen=True)
class Contender:
    """One of several that are compared.

    Attributes:
        title: what the user calls it.
        answers: for N messages.
        metrics: of a result, what its pipeline reported; of a cross-validation, all with 95 % intervals.
        settings: the values of params.yaml by `section.key`; empty for a cross-validation.
        texts: the N messages; empty for a cross-validation, whose files hold none.
    """

    title: str
    answers: OutOfFold
    metrics: Mapping[str, Interval]
    settings: Mapping[str, Any] = field(default_factory=dict)
    texts: tuple[str, ...] = ()


def is_file(name: str) -> bool:
    """Whether a name is that of a file of answers, not of a result.

    Args:
        name: as the user wrote it.
    """
    return name.endswith(_SUFFIX)


def load(workspace: Workspace, names: Sequence[str]) -> list[Contender]:
    """Read contenders, which must all have answered the same messages.

    Args:
        workspace: the workspace, whose clone has the results. Its `crossvalidate.group_duplicates` and
            `crossvalidate.near_threshold` decide which test messages are of one group.
        names: experiments, revisions and `workspace`, or CSV files that `spampipe crossvalidate` wrote.

    Raises:
        DataError: one cannot be read, both kinds are among them, or they are of different messages.
        ParamsError: the workspace's params.yaml cannot be read.
    """
    answers_in_files = [name for name in names if is_file(name)]
    results = [name for name in names if not is_file(name)]
    if answers_in_files and results:
        raise DataError(
            f"{answers_in_files[0]} holds a cross-validation's answers, {results[0]} is a result of the pipeline; "
            "compare each with its own kind"
        )
    if answers_in_files:
        found = [_of_file(name) for name in names]
    else:
        how = params.load(workspace.params).crossvalidate
        found = [_of_pipeline(workspace, name, how) for name in names]
    for other in found[1:]:
        _require_same_messages(found[0], other)
    return found


def of_predictions(table: pd.DataFrame, label_set: LabelSet, how: CrossvalidateParams) -> OutOfFold:
    """The answers to the test messages of a pipeline's predictions, as if all were of one fold.

    Args:
        table: columns `reports.prediction_columns(label_set)`.
        label_set: the label set.
        how: which messages are of one group.
    """
    test = table[table["split"] == "test"]
    index = {name: number for number, name in enumerate(label_set.names)}
    given, predicted = (np.array([index[name] for name in test[column]]) for column in ("label", "predicted"))
    each = [name for name in reports.prediction_columns(label_set) if name not in reports.PREDICTION_COLUMNS]
    if each:
        probabilities = test[each].to_numpy(np.float64)
    else:  # of two labels, that of the positive one says all
        of_positive = test["probability"].to_numpy(np.float64)
        probabilities = np.column_stack([1 - of_positive, of_positive])
        if label_set.positive_index == 0:
            probabilities = probabilities[:, ::-1]
    groups = duplicates.groups(test["text"].tolist(), how.group_duplicates, how.near_threshold)
    rows, folds = test["row"].to_numpy(np.int64), np.zeros(len(test), np.int64)
    return OutOfFold(label_set, rows, folds, groups, given, predicted, probabilities)


def _of_file(name: str) -> Contender:
    from spampipe.crossvalidation import outputs  # imports torch, which results have no other use for

    answers = outputs.read_one(Path(name))
    return Contender(name, answers, filter_metrics.compute(answers))


def _of_pipeline(workspace: Workspace, name: str, how: CrossvalidateParams) -> Contender:
    found = result.named(workspace, name)
    if name == result.WORKSPACE:
        label_set, table = _predictions(workspace)
    else:
        names = Workspace()
        wanted = [names.labels, names.predictions]
        with history.files_of(workspace, history.resolve(workspace, name), wanted) as files_of_it:
            label_set, table = _predictions(files_of_it)
    texts = tuple(table.loc[table["split"] == "test", "text"])
    metrics = {name: Interval(value) for name, value in found.metrics.items()}
    return Contender(name, of_predictions(table, label_set, how), metrics, found.settings, texts)


def _predictions(workspace: Workspace) -> tuple[LabelSet, pd.DataFrame]:
    label_set = labels.load(workspace.labels)
    return label_set, readers.read_predictions(workspace.predictions, label_set)


def _require_same_messages(first: Contender, other: Contender) -> None:
    one, second = first.answers, other.answers
    same = one.label_set == second.label_set and first.texts == other.texts
    if not same or not all(
        np.array_equal(getattr(one, name), getattr(second, name)) for name in ("rows", "labels", "groups")
    ):
        remedy = (
            "run the pipeline with the same data and split"
            if first.texts
            else "cross-validate both by the same study"
        )
        raise DataError(f"{other.title}: its messages or labels are not those of {first.title}; {remedy}")
