"""Deal messages into train, validation and test."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from spampipe.core.errors import DataError
from spampipe.core.workspace import SPLITS
from spampipe.data import duplicates
from spampipe.data import messages as message_tables
from spampipe.data.duplicates import Groups
from spampipe.data.labels import LabelSet
from spampipe.data.settings import SplitParams

Places = npt.NDArray[np.int64]


def deal(messages: pd.DataFrame, labels: LabelSet, settings: SplitParams) -> dict[str, pd.DataFrame]:
    """Split messages, and insist that each split has some of each label.

    Args:
        messages: columns Label and Text.
        labels: what the class indices mean.
        settings: how to split.

    Returns:
        As `split` does.

    Raises:
        DataError: a split would be empty, or lack a label.
    """
    groups = duplicates.groups(messages["Text"].tolist(), settings.group_duplicates, settings.near_threshold)
    if settings.stratify:
        require_enough(messages, labels, groups)
    fractions = settings.train_fraction, settings.validation_fraction
    splits = split(messages, *fractions, settings.seed, groups, stratify=settings.stratify)
    remedy = "add messages of it" + ("" if settings.stratify else ", or set split.stratify to true")
    for name, part in splits.items():
        why = f"every split needs every label; {remedy}"
        message_tables.require_every_class(part, labels, f"the {name} split", why)
    return splits


def split(
    messages: pd.DataFrame,
    train_fraction: float,
    validation_fraction: float,
    seed: int,
    groups: Groups | None = None,
    stratify: bool = False,
) -> dict[str, pd.DataFrame]:
    """Shuffle, then cut at the two fractions (the book, section 6.2).

    Args:
        messages: N messages, columns Label and Text.
        train_fraction: the training set's share of all messages; their number is rounded down.
        validation_fraction: the validation set's, likewise; the rest is the test set.
        seed: decides the order in which messages are dealt out.
        groups: (N,) the group of each message, as `duplicates.groups` numbers them; None for one each. A group
            stays together, in the split that the first of its shuffled messages falls into; so, large groups are in
            train more often than their share. The splits' sizes then differ from the fractions by a few messages.
        stratify: deal out each class by itself, so that its share is the same in every split, as far as whole
            groups, of the label of their first message, allow; every split gets one of each class that has three
            or more.

    Returns:
        The messages of `train`, `validation` and `test`; together exactly those given.

    Raises:
        DataError: a split would be empty.
    """
    numbers = np.arange(len(messages)) if groups is None else groups
    shuffled = messages.assign(Group=numbers).sample(frac=1, random_state=seed)
    units = duplicates.numbered(shuffled.pop("Group").tolist())
    order = np.argsort(units, kind="stable")  # each group right behind its first message
    shuffled, units = shuffled.iloc[order].reset_index(drop=True), units[order]
    fractions = (train_fraction, validation_fraction, 1 - train_fraction - validation_fraction)
    places = _stratified(shuffled, units, fractions) if stratify else _cut(units, fractions)
    splits = {name: shuffled[places == place] for place, name in enumerate(SPLITS)}
    for name, part in splits.items():
        if part.empty:
            raise DataError(
                f"{len(messages)} messages are too few: the {name} split would be empty; "
                "add messages or change split.train_fraction and split.validation_fraction"
            )
    return splits


def require_enough(messages: pd.DataFrame, labels: LabelSet, groups: Groups | None = None) -> None:
    """Insist that each label has as many messages as there are splits.

    Args:
        messages: N messages, columns Label and Text.
        labels: what the class indices mean.
        groups: (N,) the group of each message, all of which count as one; None for one each.

    Raises:
        DataError: naming the rarest label, how many messages it has, and the remedy.
    """
    numbers = np.arange(len(messages)) if groups is None else groups
    found = pd.Series(numbers).groupby(messages["Label"].to_numpy()).nunique()
    counts = found.reindex(range(len(labels)), fill_value=0).to_numpy()
    fewest, what = int(counts.min()), "message" if len(np.unique(numbers)) == len(messages) else "different text"
    if fewest < len(SPLITS):
        raise DataError(
            f"label {labels.names[int(counts.argmin())]} has {fewest} {what}{'s' * (fewest != 1)}, but each of "
            f"{', '.join(SPLITS)} needs one; add messages of it, or leave it out of the data"
        )


def _cut(units: Groups, fractions: tuple[float, float, float]) -> Places:
    """The position in SPLITS of each message, whose groups stand one behind the other."""
    first = int(len(units) * fractions[0])
    cuts = [_next_group(units, cut) for cut in (first, first + int(len(units) * fractions[1]))]
    return np.searchsorted(cuts, np.arange(len(units)), side="right")


def _stratified(shuffled: pd.DataFrame, units: Groups, fractions: tuple[float, float, float]) -> Places:
    """The position in SPLITS of each message; a group is dealt out under the label of its first message."""
    first = np.unique(units, return_index=True)[1]
    sizes, classes = np.bincount(units), shuffled["Label"].to_numpy()[first]
    places = np.zeros(len(first), dtype=np.int64)
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        members = members[np.argsort(-sizes[members], kind="stable")]  # large groups first, small ones even them out
        places[members] = _dealt([int(size) for size in sizes[members]], fractions)
    return places[units]


def _dealt(sizes: list[int], fractions: tuple[float, float, float]) -> list[int]:
    """Which split gets each unit of one class: the one that lacks most messages, or one that would stay empty."""
    lacking = [fraction * sum(sizes) for fraction in fractions]
    empty, places = set(range(len(fractions))), []
    for number, size in enumerate(sizes):
        choices = empty if len(sizes) - number <= len(empty) else range(len(fractions))
        place = max(sorted(choices), key=lacking.__getitem__)
        lacking[place] -= size
        empty.discard(place)
        places.append(place)
    return places


def _next_group(units: Groups, cut: int) -> int:
    """The first position from `cut` on where another group begins."""
    while 0 < cut < len(units) and units[cut] == units[cut - 1]:
        cut += 1
    return cut
