"""What every text classifier can do, whatever it is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import numpy as np

from spampipe.classifiers.decision import Decision
from spampipe.classifiers.predictions import Prediction, answers
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.data.calibration import temper
from spampipe.data.labels import EVEN, Labels, LabelSet, Probabilities, checked_threshold

if TYPE_CHECKING:
    from spampipe.classifiers.settings import ModelParams
    from spampipe.data.tokens import TokenTable
    from spampipe.data.truncation import Truncate
    from spampipe.training.settings import TrainParams
    from spampipe.training.training_log import Record


@dataclass(frozen=True)
class Split:
    """Labelled texts.

    Attributes:
        name: `train`, `validation`, `test` or `leftover`; for progress and errors.
        texts: N of them.
        labels: (N,) their class indices.
        tokens: the same texts as rows of token ids; None for a classifier that reads none.
    """

    name: str
    texts: Sequence[str]
    labels: Labels
    tokens: "TokenTable | None" = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def max_length(self) -> int:
        """Tokens that the texts were cut to; 0 if there are no tokens."""
        return 0 if self.tokens is None else self.tokens.max_length


@runtime_checkable
class TextClassifier(Protocol):
    """Tells texts apart. A kind of model subclasses this, and is named in `classifiers/catalogue.py`.

    Attributes:
        labels: the label set that it was trained with.
        threshold: the positive label is given from this probability on; without a positive label, no effect.
        temperature: what the logarithms of its probabilities are divided by.
    """

    labels: LabelSet
    threshold: float = EVEN
    temperature: float = 1.0

    @classmethod
    def create(
        cls,
        model: "ModelParams",
        train: "TrainParams",
        labels: LabelSet,
        max_length: int,
        workspace: Workspace,
        truncate: "Truncate" = "tail",
    ) -> Self:
        """A classifier that is yet to be trained.

        Args:
            model: what it is made of.
            train: how it will be trained; its seed decides the first values.
            labels: the label set.
            max_length: tokens that a text is cut to; 0 if texts were not tokenized.
            workspace: holds the base model; if it has none, the user's cache does.
            truncate: which part of a longer text is cut off.

        Raises:
            CheckpointError: a file of the base model is missing.
        """
        ...

    @classmethod
    def require_enough(cls, examples: int, train: "TrainParams") -> None:
        """Insist that there are enough texts to train on; cheap, so that it can come before all work.

        Args:
            examples: how many texts there are.
            train: how the classifier will be trained.

        Raises:
            DataError: there are too few.
        """

    def fit(self, train: Split, validation: Split, listen: "Callable[[Record], None]") -> "list[Record]":
        """Train.

        Args:
            train: the texts to learn from.
            validation: texts that only the reported figures are about.
            listen: called with each record as it arises.

        Returns:
            All records.

        Raises:
            DataError: there are too few texts.
            DivergenceError: training does not converge.
        """
        ...

    def training_flops(self, examples: int, tokens: int) -> int | None:
        """How much is computed to train.

        Args:
            examples: texts that are trained on, each counted as often as it is used.
            tokens: that they have together.

        Returns:
            Floating-point operations; None if they are not known.
        """
        return None

    def parameters(self) -> tuple[int, int] | None:
        """How many numbers it holds, and how many of them training changes; None if they are not counted."""
        return None

    def raw_probabilities(
        self,
        texts: Sequence[str],
        tokens: "TokenTable | None" = None,
        *,
        batch_size: int = 32,
        name: str | None = None,
    ) -> Probabilities:
        """How probable each label is, before the temperature.

        Args:
            texts: N of them, at least one, none empty.
            tokens: the same texts as the tokenize-pad stage wrote them, if it did; what is computed from them may be
                kept for the next run. A classifier that reads no tokens ignores them.
            batch_size: texts that are computed together; changes speed only.
            name: for the progress line; None for no progress.

        Returns:
            (N, K) a column for each label, in the order of `labels`.
        """
        ...

    def probabilities(
        self,
        texts: Sequence[str],
        tokens: "TokenTable | None" = None,
        *,
        batch_size: int = 32,
        name: str | None = None,
    ) -> Probabilities:
        """How probable each label is, by the temperature; arguments and result as of `raw_probabilities`."""
        return temper(self.raw_probabilities(texts, tokens, batch_size=batch_size, name=name), self.temperature)

    def probabilities_of(self, split: Split, batch_size: int) -> Probabilities:
        """How probable each label is for each text of a split, which may have none.

        Args:
            split: with its tokens, if there are any.
            batch_size: as for `probabilities`.

        Returns:
            (N, K) a column for each label, in the order of `labels`.
        """
        if not len(split):
            return np.empty((0, len(self.labels)))
        return self.probabilities(split.texts, split.tokens, batch_size=batch_size, name=split.name)

    def decide_by(self, decision: Decision) -> None:
        """Take over how probabilities become labels.

        Args:
            decision: the threshold and the temperature.
        """
        self.threshold, self.temperature = decision.threshold, decision.temperature

    def describe(self) -> Mapping[str, Any]:
        """What it is, as JSON values."""
        ...

    def save(self, workspace: Workspace) -> None:
        """Write models/classifier.* of a workspace, whole or not at all.

        Args:
            workspace: gives the paths of the files, which are replaced.
        """
        ...

    @classmethod
    def load(cls, workspace: Workspace, base: Path | None = None) -> Self:
        """Read what `save` wrote; `catalogue.load` adds what models/decision.json says.

        Args:
            workspace: holds the files.
            base: the folder of the base model; None for the workspace's, or, if it has none, the user's cache.

        Raises:
            CheckpointError: a file is missing, damaged, or not the one the classifier was trained with.
        """
        ...

    def classify(
        self,
        texts: Sequence[str],
        threshold: float | None = None,
        batch_size: int = 32,
        *,
        progress: bool = True,
    ) -> list[Prediction]:
        """Label each text.

        Args:
            texts: any number of them.
            threshold: instead of the classifier's own.
            batch_size: texts that are computed together; changes speed only.
            progress: whether to show it.

        Raises:
            DataError: a text is empty.
            ParamsError: the threshold is not between 0 and 1.
        """
        least = self.threshold if threshold is None else checked_threshold(threshold)
        for number, text in enumerate(texts, 1):
            if not text.strip():
                raise DataError(f"text {number} of {len(texts)} is empty; give it words, or leave it out")
        if not texts:
            return []
        found = self.probabilities(texts, batch_size=batch_size, name="texts" if progress else None)
        return answers(texts, found, self.labels, least)
