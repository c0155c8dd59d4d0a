"""A base model, fine-tuned."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from spampipe.classifiers.settings import ModelParams
from spampipe.classifiers.text_classifier import Split, TextClassifier
from spampipe.core import files
from spampipe.core.errors import CheckpointError, DataError
from spampipe.core.workspace import Workspace
from spampipe.data import tokens
from spampipe.data.labels import Labels, LabelSet, Probabilities
from spampipe.data.tokenizer import Tokenizer
from spampipe.data.tokens import TokenTable
from spampipe.data.truncation import Truncate
from spampipe.models import bases, checkpoint, compute, cost, describing
from spampipe.models.architectures import BaseChoice
from spampipe.models.card import ClassifierCard, load_card
from spampipe.models.frozen_trunk import Model
from spampipe.training import batches, distributed, examples, loop, scoring
from spampipe.training.settings import TrainParams
from spampipe.training.training_log import Record


class NeuralClassifier(TextClassifier):
    """A language model with a classification head.

    Args:
        model: the network.
        card: what it is.
        tokenizer: the base model's.
        store: the folder in which frozen layers' output is kept for the next run.
        train: how it is trained; None for one that is trained already.
    """

    def __init__(
        self,
        model: Model,
        card: ClassifierCard,
        tokenizer: Tokenizer,
        store: Path,
        train: TrainParams | None = None,
    ) -> None:
        self._model, self._card, self._tokenizer, self._store, self._train = model, card, tokenizer, store, train
        self.labels = card.labels

    @classmethod
    def create(
        cls,
        model: ModelParams,
        train: TrainParams,
        labels: LabelSet,
        max_length: int,
        workspace: Workspace,
        truncate: Truncate = "tail",
    ) -> Self:
        """As in TextClassifier.

        Raises:
            CheckpointError: a file of the base model is missing.
            DataError: texts were not tokenized, or the base's tokenizer is damaged.
            WeightsError: the base's weight file is damaged.
        """
        if not max_length:
            raise DataError(f"{workspace.tokens}: holds no tokens of the texts; run `dvc repro` or `dvc pull`")
        base = base_folder(workspace, model.require_base())
        card = describing.describe(model, labels, max_length, train.precision, base, truncate)
        tokenizer = load_tokenizer(card, base)
        network = checkpoint.create(card, train.seed, model.dropout, compute.chosen_device(), base)
        return cls(network, card, tokenizer, workspace.trunk_store, train)

    @classmethod
    def require_enough(cls, examples: int, train: TrainParams) -> None:
        """As in TextClassifier: an epoch has a step, and as many as are accumulated."""
        batches.require_steps(examples, train)

    def fit(self, train: Split, validation: Split, listen: Callable[[Record], None]) -> list[Record]:
        """As in TextClassifier; several processes that `torchrun` has started train together.

        Raises:
            CheckpointError: the classifier was trained before.
            DataError: there are too few texts.
            DivergenceError: training does not converge.
            ParamsError: a batch cannot be divided among the processes.
        """
        if self._train is None:
            raise CheckpointError("a classifier that is trained already cannot be trained on; create a new one")
        batches.require_steps(len(train), self._train)
        if distributed.world_size() > 1:
            self._model.trunk.complete()
        first, second = (
            examples.prepare(self._model, self._table(split), self._card.precision, split.name, self._store)
            for split in (train, validation)
        )
        return loop.fit(self._model.network, first, second, self._train, listen)

    def training_flops(self, examples: int, tokens: int) -> int | None:
        """As in TextClassifier; a lower bound, as in `models.cost`."""
        return cost.training_flops(self._model.network, examples, tokens)

    def parameters(self) -> tuple[int, int]:
        """As in TextClassifier; a shared tensor counts once."""
        counts = [(tensor.numel(), tensor.requires_grad) for tensor in self._model.network.parameters()]
        return sum(count for count, _ in counts), sum(count for count, trained in counts if trained)

    def raw_probabilities(
        self,
        texts: Sequence[str],
        tokens: TokenTable | None = None,
        *,
        batch_size: int = 32,
        name: str | None = None,
    ) -> Probabilities:
        """As in TextClassifier; with tokens, frozen layers' output is taken from the store, and left there."""
        table = self._tokenize(texts, np.zeros(len(texts), np.int64)) if tokens is None else tokens
        store = None if tokens is None else self._store
        return scoring.class_probabilities(self._model, table, batch_size, self._card.precision, name, store)

    def describe(self) -> Mapping[str, Any]:
        """The card, as JSON values."""
        return self._card.model_dump(mode="json")

    def save(self, workspace: Workspace) -> None:
        """As in TextClassifier; the trained tensors are written first, then the card."""
        weights, card = workspace.classifier_weights, workspace.classifier_card
        checkpoint.save(self._model.network, self._card, weights, card)

    @classmethod
    def load(cls, workspace: Workspace, base: Path | None = None) -> Self:
        """As in TextClassifier.

        Raises:
            CheckpointError: a file is missing, damaged, or not the one the classifier was trained with.
            DataError: the base's tokenizer is missing or damaged.
            WeightsError: the trained tensors or the base's do not fit the card.
        """
        card = load_card(workspace.classifier_card)
        folder = base or base_folder(workspace, card.choice)
        tokenizer = load_tokenizer(card, folder)
        model = checkpoint.load(card, compute.chosen_device(), workspace.classifier_weights, folder)
        return cls(model, card, tokenizer, workspace.trunk_store)

    def _table(self, split: Split) -> TokenTable:
        """A split's tokens."""
        return self._tokenize(split.texts, split.labels) if split.tokens is None else split.tokens

    def _tokenize(self, texts: Sequence[str], labels: Labels) -> TokenTable:
        """The tokens of N texts with these (N,) class indices."""
        used, card = self._tokenizer, self._card
        special = (used.prefix_length, used.suffix_length)
        rows = used.encode(texts)
        return tokens.pad(rows, labels.tolist(), card.max_length, used.padding, self.labels, card.truncate, special)


def base_folder(workspace: Workspace, choice: BaseChoice) -> Path:
    """The folder of the base model: the workspace's if it has one, else the user's cache.

    Args:
        workspace: may have it.
        choice: which base model.
    """
    return workspace.base if workspace.base.exists() else bases.cached_base(choice)


def load_tokenizer(card: ClassifierCard, base: Path) -> Tokenizer:
    """The base's tokenizer, once it is found to be the card's.

    Args:
        card: what a classifier is.
        base: the folder of the base model.

    Raises:
        CheckpointError: it is another tokenizer.
        DataError: it is missing or damaged.
    """
    family = bases.base_model(card.choice, base).family
    tokenizer, path = family.load_tokenizer(base), family.tokenizer_path(base)
    if files.digest(path) != card.tokenizer_sha256:
        raise CheckpointError(f"{path}: not the tokenizer this classifier was trained with; run `dvc checkout`")
    return tokenizer
