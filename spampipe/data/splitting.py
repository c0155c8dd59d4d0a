"""Deal messages into train, validation and test."""

import pandas as pd

from spampipe.core.errors import DataError
from spampipe.core.workspace import SPLITS


def split(
    messages: pd.DataFrame,
    train_fraction: float,
    validation_fraction: float,
    seed: int,
    group_duplicates: bool,
) -> dict[str, pd.DataFrame]:
    """Shuffle, then cut at the two fractions (the book, section 6.2).

    Args:
        messages: columns Label and Text.
        train_fraction: the training set's share of all messages; their number is rounded down.
        validation_fraction: the validation set's, likewise; the rest is the test set.
        seed: decides the order in which messages are dealt out.
        group_duplicates: keep all copies of a text in the split its first copy falls into. The splits'
            sizes then differ from the fractions by a few messages.

    Returns:
        The messages of `train`, `validation` and `test`; together exactly those given.

    Raises:
        DataError: a split would be empty.
    """
    shuffled = messages.sample(frac=1, random_state=seed).reset_index(drop=True)
    if group_duplicates:
        shuffled = _copies_together(shuffled)
    cuts = [int(len(shuffled) * train_fraction)]
    cuts.append(cuts[0] + int(len(shuffled) * validation_fraction))
    if group_duplicates:
        cuts = [_next_text(shuffled, cut) for cut in cuts]
    parts = (shuffled.iloc[: cuts[0]], shuffled.iloc[cuts[0] : cuts[1]], shuffled.iloc[cuts[1] :])
    splits = dict(zip(SPLITS, parts, strict=True))
    for name, part in splits.items():
        if part.empty:
            raise DataError(
                f"{len(messages)} messages are too few: the {name} split would be empty; "
                "add messages or change split.train_fraction and split.validation_fraction"
            )
    return splits


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
