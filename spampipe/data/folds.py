"""Deal messages into parts of equal size for a cross-validation, groups of duplicates whole, labels in proportion."""

import warnings

import numpy as np
import numpy.typing as npt

from spampipe.core.errors import DataError
from spampipe.data.labels import Labels, LabelSet


def deal(
    labels: Labels, groups: npt.NDArray[np.int64], label_set: LabelSet, parts: int, seed: int
) -> npt.NDArray[np.int64]:
    """The part that each message belongs to.

    Args:
        labels: (N,) class indices.
        groups: (N,) which messages must stay together.
        label_set: what the class indices mean.
        parts: how many parts there are.
        seed: decides which groups meet.

    Returns:
        (N,) from 0 to `parts` - 1; every part has some of each label.

    Raises:
        DataError: a label has too few groups.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
    places = np.zeros(len(labels), np.int64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a label with fewer messages than parts: see below
            for part, (_, members) in enumerate(splitter.split(labels, labels, groups)):
                places[members] = part
    except ValueError as error:
        raise DataError(
            f"{len(set(groups.tolist()))} groups of messages: {error}; lower crossvalidate.folds"
        ) from error
    for part in range(parts):
        counts = np.bincount(labels[places == part], minlength=len(label_set))
        if not counts.all():
            rarest = int(np.bincount(labels, minlength=len(label_set)).argmin())
            raise DataError(
                f"label {label_set.names[int(counts.argmin())]} is missing from one of {parts} parts of the messages "
                f"({label_set.names[rarest]} has {int((labels == rarest).sum())}); lower crossvalidate.folds, or add "
                "messages of it"
            )
    return places
