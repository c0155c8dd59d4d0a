"""Classify new messages exactly as the trained model saw its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from spampipe import params
from spampipe.core import files, paths
from spampipe.core.errors import CheckpointError, DataError, ParamsError
from spampipe.data import tokens
from spampipe.data.messages import SPAM
from spampipe.data.tokenizer import Tokenizer
from spampipe.models import checkpoint
from spampipe.models.card import ClassifierCard, load_card
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.compute import chosen_device
from spampipe.models.frozen_trunk import Model
from spampipe.training.scoring import class_probabilities


@dataclass(frozen=True)
class Prediction:
    """The answer for one message.

    Attributes:
        text: the message.
        label: `ham` or `spam`.
        probability: that the message is spam.
    """

    text: str
    label: str
    probability: float


class SpamClassifier:
    """A trained classifier with its tokenizer.

    Example:
        classifier = SpamClassifier.load()
        classifier.classify(["Hey, are we still up for dinner?"])[0].label
    """

    def __init__(self, classifier: Model, card: ClassifierCard, tokenizer: Tokenizer, threshold: float) -> None:
        self._classifier, self._card, self._tokenizer = classifier, card, tokenizer
        self.threshold = _checked_threshold(threshold)

    @classmethod
    def load(cls, root: Path = Path(), base: Path | None = None, threshold: float | None = None) -> Self:
        """Load from the workspace at `root`; needs params.yaml, and models/ as `dvc pull` brings it.

        Args:
            root: holds models/classifier.*.
            base: holds the base model; models/base under `root` if not given.
            threshold: a message is spam from this probability on; that of `evaluate` in params.yaml if not given.

        Raises:
            CheckpointError: a file is missing, damaged or not the one the classifier was trained with.
            ParamsError: the threshold is not between 0 and 1, or is not given and params.yaml is missing or wrong.
        """
        if threshold is None:
            threshold = params.load(root / paths.PARAMS).evaluate.threshold
        _checked_threshold(threshold)
        card = load_card(root / paths.CLASSIFIER_CARD)
        base = base or root / paths.BASE
        family = BASE_MODELS[card.base].family
        tokenizer, path = family.load_tokenizer(base), family.tokenizer_path(base)
        if files.digest(path) != card.tokenizer_sha256:
            raise CheckpointError(f"{path}: not the tokenizer this classifier was trained with; run `dvc checkout`")
        classifier = checkpoint.load(card, chosen_device(), root / paths.CLASSIFIER_WEIGHTS, base)
        return cls(classifier, card, tokenizer, threshold)

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
            texts: any number of messages.
            threshold: a message is spam from this probability on; the loaded one if not given.
            batch_size: messages a forward pass; changes speed only.
            progress: show it.

        Raises:
            DataError: a text is empty.
            ParamsError: the threshold is not between 0 and 1.
        """
        least = self.threshold if threshold is None else _checked_threshold(threshold)
        for number, text in enumerate(texts, 1):
            if not text.strip():
                raise DataError(f"text {number} of {len(texts)} is empty; give it words, or leave it out")
        if not texts:
            return []
        rows = self._tokenizer.encode(texts)
        table = tokens.pad(rows, [0] * len(rows), self._card.max_length, self._tokenizer.padding, self._card.labels)
        name = "texts" if progress else None
        found = class_probabilities(self._classifier, table, batch_size, self._card.precision, name)
        probabilities = found[:, SPAM]
        return [
            Prediction(text, self._card.labels.names[SPAM if probability >= least else 1 - SPAM], probability)
            for text, probability in zip(texts, probabilities.tolist(), strict=True)
        ]


def _checked_threshold(threshold: float) -> float:
    """The threshold itself, if it is between 0 and 1."""
    if not 0 < threshold < 1:
        raise ParamsError(f"threshold {threshold}: must be more than 0 and less than 1, such as 0.9")
    return threshold
