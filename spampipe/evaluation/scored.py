"""What a classifier made of the messages: all that metrics and reports are computed from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spampipe.core.errors import DataError
from spampipe.data.labels import Labels, LabelSet, Probabilities, decide


@dataclass(frozen=True)
class ScoredSplit:
    """The messages of one split.

    Attributes:
        texts: N of them.
        labels: (N,) their class indices.
        probabilities: (N, K) how probable each label is.
        predicted: (N,) the class indices of the labels that they were given.
    """

    texts: Sequence[str]
    labels: Labels
    probabilities: Probabilities
    predicted: Labels

    def __len__(self) -> int:
        return len(self.texts)

    def only(self, wanted: npt.NDArray[np.bool_]) -> "ScoredSplit":
        """A part of the messages.

        Args:
            wanted: (N,) whether a message belongs to the part.
        """
        texts = [text for text, kept in zip(self.texts, wanted.tolist(), strict=True) if kept]
        return ScoredSplit(texts, self.labels[wanted], self.probabilities[wanted], self.predicted[wanted])


@dataclass(frozen=True)
class Evaluation:
    """The messages of all splits.

    Attributes:
        labels: the label set that class indices refer to.
        splits: train, validation, test and leftover.
    """

    labels: LabelSet
    splits: Mapping[str, ScoredSplit]

    @property
    def test(self) -> ScoredSplit:
        """The messages that results are about."""
        return self.splits["test"]

    @property
    def positive(self) -> int:
        """The class index of the positive label.

        Raises:
            ValueError: there is none; what asks for it must not be computed then.
        """
        index = self.labels.positive_index
        if index is None:
            raise ValueError(f"{', '.join(self.labels.names)}: no label is the positive one")
        return index

    def unseen(self) -> ScoredSplit:
        """The test messages whose text is in neither train nor validation."""
        seen = {*self.splits["train"].texts, *self.splits["validation"].texts}
        return self.test.only(np.array([text not in seen for text in self.test.texts], dtype=bool))


def judged(
    name: str,
    texts: Sequence[str],
    labels: Labels,
    probabilities: Probabilities,
    label_set: LabelSet,
    threshold: float,
) -> ScoredSplit:
    """Give each message of a split the label that its probabilities mean.

    Args:
        name: of the split, for errors.
        texts: N of them.
        labels: (N,) their class indices.
        probabilities: (N, K) how probable each label is.
        label_set: names the K labels.
        threshold: the positive label is given from this probability on, as `data.labels.decide` has it.

    Raises:
        DataError: the probabilities are not those of these messages.
    """
    if probabilities.shape != (len(texts), len(label_set)):
        rows, columns = probabilities.shape
        raise DataError(
            f"{name}: {len(texts)} messages of {len(label_set)} labels, but probabilities of {rows} messages and "
            f"{columns} labels; run `dvc repro`"
        )
    return ScoredSplit(texts, labels, probabilities, decide(probabilities, label_set, threshold))
