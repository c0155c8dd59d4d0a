"""A base model whose frozen states a linear head reads: the cheapest classifier that a language model makes."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from spampipe.classifiers.neural import NeuralClassifier
from spampipe.classifiers.text_classifier import Split
from spampipe.core.errors import CheckpointError
from spampipe.data.labels import EVEN, Labels, Probabilities, decide
from spampipe.data.tokens import TokenTable
from spampipe.training import feature_pass, ridge, scoring
from spampipe.training.settings import TrainParams
from spampipe.training.training_log import Record


class ProbeClassifier(NeuralClassifier):
    """A linear head on states of a base model's blocks; it is solved for, not trained in steps.

    The base model runs once over each text. Of `train` it reads the precision and the class weights.

    Args:
        As in NeuralClassifier; the network is a `models.probe.Probe`.
    """

    @classmethod
    def require_enough(cls, examples: int, train: TrainParams) -> None:
        """As in TextClassifier; any number will do, as long as each class is among them."""

    def fit(self, train: Split, validation: Split, listen: Callable[[Record], None]) -> list[Record]:
        """As in TextClassifier; the ridge is chosen on `validation`.

        Raises:
            CheckpointError: the classifier was trained before.
            DataError: a class has no text.
            DivergenceError: the solver does not converge.
        """
        if self._train is None:
            raise CheckpointError("a classifier that is trained already cannot be trained on; create a new one")
        splits, tables = (train, validation), (self._table(train), self._table(validation))
        precision = self._card.precision
        features = [
            feature_pass.features(self._model, table, precision, split.name, self._store)
            for split, table in zip(splits, tables, strict=True)
        ]
        known = [(found.double().numpy(), split.labels) for found, split in zip(features, splits, strict=True)]
        self._set_head(ridge.solve(known[0], known[1], self.labels, self._train))
        figures = [self._figures(found, split.labels) for found, split in zip(features, splits, strict=True)]
        seen = (len(train), int(tables[0].lengths.sum()))
        (train_loss, train_accuracy), (validation_loss, validation_accuracy) = figures
        records = [
            Record("loss", 0, 1.0, *seen, 0.0, train_loss, validation_loss),
            Record("accuracy", 0, 1.0, *seen, 0.0, train_accuracy, validation_accuracy),
        ]
        for record in records:
            listen(record)
        return records

    def training_flops(self, examples: int, tokens: int) -> int | None:
        """Not known: what the frozen blocks have computed may have been kept from an earlier run."""
        return None

    def raw_probabilities(
        self,
        texts: Sequence[str],
        tokens: TokenTable | None = None,
        *,
        batch_size: int = 32,
        name: str | None = None,
    ) -> Probabilities:
        """As in TextClassifier; batches are made by length, and `batch_size` is not used."""
        if not len(texts):
            return np.empty((0, len(self.labels)))
        table = self._tokenize(texts, np.zeros(len(texts), np.int64)) if tokens is None else tokens
        store = None if tokens is None else self._store
        return self._scores(feature_pass.features(self._model, table, self._card.precision, name, store))

    def _scores(self, features: torch.Tensor) -> Probabilities:
        """(N, K) probabilities for (N, F * C) features."""
        network = self._model.network
        with torch.no_grad():
            return scoring.softmax(network.tail(features.to(network.head.weight.device), features))

    def _set_head(self, solution: ridge.Solution) -> None:
        """Have the network's head compute what was found."""
        head = self._model.network.head
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(solution.weights))
            head.bias.copy_(torch.from_numpy(solution.bias))
        self._model.network.eval()

    def _figures(self, features: torch.Tensor, classes: Labels) -> tuple[float, float]:
        """The mean log loss of (N, F * C) features, and the share of their labels that is right at one half."""
        found = self._scores(features)
        chosen = np.maximum(found[np.arange(len(classes)), classes], np.finfo(np.float64).tiny)
        right = decide(found, self.labels, EVEN) == classes
        return float(-np.log(chosen).mean()), float(right.mean())
