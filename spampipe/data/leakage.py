"""How many texts of the other splits a model has seen in train, word for word or nearly."""

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd

from spampipe.core.workspace import SPLITS, Workspace
from spampipe.data import duplicates
from spampipe.data.labels import LabelSet

logger = logging.getLogger(__name__)

COLUMNS = {"split": "str", "label": "str", "texts": "int64", "exact": "int64", "normalised": "int64", "near": "int64"}
ALL = ""  # in the place of a label: the texts of all labels

_MUCH = 0.05  # of the test texts, from which on it is worth a warning that train has near-duplicates of them


def count(splits: Mapping[str, pd.DataFrame], labels: LabelSet, threshold: float) -> pd.DataFrame:
    """Count the texts of validation and test that have a sibling in train.

    Time grows with the number of train texts times that of the others; see `duplicates.siblings`.

    Args:
        splits: the messages of each of SPLITS, columns Label and Text.
        labels: what the class indices mean.
        threshold: the least similarity of near-duplicates, as for `duplicates.groups`.

    Returns:
        Columns COLUMNS: texts, and how many of them have in train the same text, one that is the same once
        normalised, and a near-duplicate, each kind counting those before it, too. For each split, a row for ALL
        texts, then one a label.
    """
    train, *names = SPLITS
    others = pd.concat([splits[name] for name in names], keys=names)
    found = duplicates.siblings(others["Text"].tolist(), splits[train]["Text"].tolist(), threshold)
    part, label = others.index.get_level_values(0).to_numpy(), others["Label"].to_numpy()
    rows = []
    for name in names:
        for index, called in enumerate((ALL, *labels.names), -1):
            chosen = (part == name) & ((label == index) | (called == ALL))
            counts = [np.sum(kind[chosen]) for kind in (found.exact, found.normalised, found.near)]
            rows.append((name, called, np.sum(chosen), *counts))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def shares(counts: pd.DataFrame, labels: LabelSet) -> dict[str, float | None]:
    """The figures to compare splits by: which share of the texts has a sibling in train.

    Args:
        counts: as `count` makes them.
        labels: the label set.

    Returns:
        `validation_exact_copies`, `validation_near_copies`, `test_exact_copies` and `test_near_copies`; if there is a
        positive label, `test_positive_exact_copies` and `test_positive_near_copies`, of its texts alone. None where
        there are no texts.
    """
    wanted = {name: (name, ALL) for name in SPLITS[1:]}
    if labels.positive is not None:
        wanted["test_positive"] = ("test", labels.positive)
    rows = {(row["split"], row["label"]): row for row in counts.to_dict("records")}
    return {
        f"{name}_{kind}_copies": rows[place][kind] / rows[place]["texts"] if rows[place]["texts"] else None
        for name, place in wanted.items()
        for kind in ("exact", "near")
    }


def warn_of_much(found: Mapping[str, float | None]) -> None:
    """Say so in the log if many test texts have a near-duplicate in train.

    Args:
        found: as `shares` makes them.
    """
    share = found["test_near_copies"]
    if share is not None and share > _MUCH:
        logger.warning(
            "warning: %.1f%% of the test texts have a near-duplicate in train, so tests say less of new texts; "
            "see %s, and set split.group_duplicates: near in %s",
            100 * share,
            Workspace().leakage,
            Workspace().params,
        )
