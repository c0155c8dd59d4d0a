"""Even out the classes of a collection."""

from typing import Literal

import pandas as pd

from spampipe.data import splitting
from spampipe.data.labels import LabelSet


def require_enough(messages: pd.DataFrame, labels: LabelSet, strategy: str) -> None:
    """Insist that balancing leaves each label enough messages for every split; by oversampling, any number is.

    Args:
        messages: columns Label and Text.
        labels: what the class indices mean.
        strategy: as for `balance`.

    Raises:
        DataError: naming the rarest label, how many messages it has, and the remedy.
    """
    if strategy != "oversample":
        splitting.require_enough(messages, labels)


def balance(
    messages: pd.DataFrame, strategy: Literal["undersample", "none", "oversample"], seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sample each class to one size.

    Args:
        messages: columns Label (class indices) and Text, with at least one message of each class.
        strategy: `undersample` draws as many messages of each class as the rarest has, without replacement
            (the book, section 6.2); `oversample` repeats messages of the rarer classes until each has as many as
            the most frequent; `none` keeps all.
        seed: decides which messages are drawn.

    Returns:
        The balanced messages, class by class, and those left out, in their original order.
    """
    if strategy == "none":
        return messages, messages.iloc[:0]
    classes = [messages[messages["Label"] == label] for label in sorted(messages["Label"].unique())]
    sizes = [len(members) for members in classes]
    wanted = min(sizes) if strategy == "undersample" else max(sizes)
    balanced = pd.concat([_resize(members, wanted, seed) for members in classes])
    return balanced, messages.drop(balanced.index.unique())


def _resize(members: pd.DataFrame, size: int, seed: int) -> pd.DataFrame:
    if len(members) == size:
        return members
    if len(members) > size:
        return members.sample(size, random_state=seed)
    return pd.concat([members, members.sample(size - len(members), random_state=seed, replace=True)])
