"""Deal messages into train, validation and test."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from spampipe.core.errors import DataError
from spampipe.core.workspace import SPLITS
from spampipe.data import messages as message_tables
from spampipe.data.labels import LabelSet
from spampipe.data.settings import SplitParams


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
    if settings.stratify:
        require_enough(messages, labels, group_duplicates=settings.group_duplicates)
    splits = split(messages, **settings.model_dump())
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
    group_duplicates: bool,
    stratify: bool = False,
) -> dict[str, pd.DataFrame]:
    """Shuffle, then cut at the two fractions (the book, section 6.2).

    Args:
        messages: columns Label and Text.
        train_fraction: the training set's share of all messages; their number is rounded down.
        validation_fraction: the validation set's, likewise; the rest is the test set.
        seed: decides the order in which messages are dealt out.
        group_duplicates: keep all copies of a text in the split its first copy falls into. The splits'
            sizes then differ from the fractions by a few messages.
        stratify: deal out each class by itself, so that its share is the same in every split, as far as whole
            messages (with group_duplicates, whole groups of copies) allow; every split gets one of each class that
            has three or more.

    Returns:
        The messages of `train`, `validation` and `test`; together exactly those given.

    Raises:
        DataError: a split would be empty.
    """
    shuffled = messages.sample(frac=1, random_state=seed).reset_index(drop=True)
    if group_duplicates:
        shuffled = _copies_together(shuffled)
    fractions = (train_fraction, validation_fraction, 1 - train_fraction - validation_fraction)
    if stratify:
        places = _stratified(shuffled, fractions, group_duplicates=group_duplicates)
        parts = tuple(shuffled[places == place] for place in range(len(SPLITS)))
    else:
        parts = _cut(shuffled, fractions, group_duplicates=group_duplicates)
    splits = dict(zip(SPLITS, parts, strict=True))
    for name, part in splits.items():
        if part.empty:
            raise DataError(
                f"{len(messages)} messages are too few: the {name} split would be empty; "
                "add messages or change split.train_fraction and split.validation_fraction"
            )
    return splits


def require_enough(messages: pd.DataFrame, labels: LabelSet, *, group_duplicates: bool = False) -> None:
    """Insist that each label has as many messages as there are splits.

    Args:
        messages: columns Label and Text.
        labels: what the class indices mean.
        group_duplicates: whether copies of a text count as one.

    Raises:
        DataError: naming the rarest label, how many messages it has, and the remedy.
    """
    found: Any = messages.groupby("Label")["Text"]
    counts = (found.nunique() if group_duplicates else found.size()).reindex(range(len(labels)), fill_value=0)
    fewest, what = int(counts.min()), "different text" if group_duplicates else "message"
    if fewest < len(SPLITS):
        raise DataError(
            f"label {labels.names[int(counts.idxmin())]} has {fewest} {what}{'s' * (fewest != 1)}, but each of "
            f"{', '.join(SPLITS)} needs one; add messages of it, or leave it out of the data"
        )


def _cut(
    shuffled: pd.DataFrame, fractions: tuple[float, float, float], *, group_duplicates: bool
) -> tuple[pd.DataFrame, ...]:
    cuts = [int(len(shuffled) * fractions[0])]
    cuts.append(cuts[0] + int(len(shuffled) * fractions[1]))
    if group_duplicates:
        cuts = [_next_text(shuffled, cut) for cut in cuts]
    return shuffled.iloc[: cuts[0]], shuffled.iloc[cuts[0] : cuts[1]], shuffled.iloc[cuts[1] :]


def _stratified(
    shuffled: pd.DataFrame, fractions: tuple[float, float, float], *, group_duplicates: bool
) -> npt.NDArray[np.int64]:
    """The position in SPLITS of each message.

    What is dealt out is a message or, with group_duplicates, all copies of a text, under the label of the first.
    """
    rows = len(shuffled)
    units = shuffled.groupby("Text", sort=False).ngroup().to_numpy() if group_duplicates else np.arange(rows)
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


def _copies_together(shuffled: pd.DataFrame) -> pd.DataFrame:
    """Move every copy of a text right behind its first."""
    first = shuffled.groupby("Text", sort=False)["Text"].transform(lambda copies: copies.index[0])
    order = pd.to_numeric(first).sort_values(kind="stable").index
    return shuffled.loc[order].reset_index(drop=True)


def _next_text(shuffled: pd.DataFrame, cut: int) -> int:
    """The first position from `cut` on where another text begins."""
    texts = shuffled["Text"]
    while 0 < cut < len(texts) and texts[cut] == texts[cut - 1]:
        cut += 1
    return cut
