"""A linear model of weighted terms as a classifier: seconds to train, and no base model."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from safetensors.numpy import load_file, save_file

from spampipe.classifiers import tfidf
from spampipe.classifiers.settings import ModelParams
from spampipe.classifiers.text_classifier import Split, TextClassifier
from spampipe.classifiers.tfidf import Kind, LinearModel, Tfidf
from spampipe.core import files
from spampipe.core.errors import CheckpointError
from spampipe.core.progress import Progress
from spampipe.core.workspace import Workspace
from spampipe.data.labels import EVEN, LabelSet, Probabilities, decide
from spampipe.data.tokens import TokenTable
from spampipe.data.truncation import Truncate
from spampipe.models.card import load_card_of, save_card
from spampipe.models.sealed import Sha256, checked_weights
from spampipe.training.settings import TrainParams
from spampipe.training.training_log import Record

_BETWEEN = "\n"  # terms in the file; none holds white space but a space
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class LinearCard(BaseModel):
    """What a linear classifier is, apart from its numbers.

    Attributes:
        base: the kind's name, as `model.name` has it.
        features: what is counted in a text.
        labels: the classes, one for each row of weights; with two, the row is the second's.
        class_weights: whether a training text counted the more the rarer its label is.
        strength: the inverse strength of the penalty on weights.
        scale: what scores are multiplied by to become logarithms of probabilities.
        weights_sha256: of the file that the numbers and terms are in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    base: Kind
    features: Literal["words 1-2, pieces of words 2-5"]
    labels: LabelSet
    class_weights: Literal["none", "balanced"]
    strength: _Positive
    scale: _Positive
    weights_sha256: Sha256


class LinearClassifier(TextClassifier):
    """Logistic regression, or a linear support vector machine, on TF-IDF of words and of pieces of words.

    Args:
        kind: which of the two.
        labels: the label set.
        class_weights: `balanced` if a training text counts the more the rarer its label is.
        trained: what turns texts into numbers, and the weights for these; None before `fit`.
    """

    def __init__(
        self,
        kind: Kind,
        labels: LabelSet,
        class_weights: Literal["none", "balanced"],
        trained: tuple[Tfidf, LinearModel] | None = None,
    ) -> None:
        self.labels = labels
        self._kind, self._class_weights, self._trained = kind, class_weights, trained

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
        """As in TextClassifier; of `train`, only class_weights matter, as nothing is drawn at random or cut."""
        (kind,) = (known for known in get_args(Kind) if known == model.name)
        return cls(kind, labels, train.class_weights)

    def fit(self, train: Split, validation: Split, listen: Callable[[Record], None]) -> list[Record]:
        """As in TextClassifier; the validation texts also decide the penalty and the scale of probabilities.

        Returns:
            One record, of accuracies.

        Raises:
            CheckpointError: the classifier was trained before.
            DataError: a label has no training text, or there are no validation texts.
        """
        if self._trained is not None:
            raise CheckpointError("a classifier that is trained already cannot be trained on; create a new one")
        features = Tfidf.learn(train.texts)
        rows = [features.rows(split.texts) for split in (train, validation)]
        labelled = (rows[0], train.labels), (rows[1], validation.labels)
        model = tfidf.solve(self._kind, *labelled, self.labels, balanced=self._class_weights == "balanced")
        self._trained = features, model
        shares = [float((decide(model.probabilities(x), self.labels, EVEN) == y).mean()) for x, y in labelled]
        record = Record("accuracy", 0, 1.0, len(train), 0, 0.0, *shares)
        listen(record)
        return [record]

    def raw_probabilities(
        self,
        texts: Sequence[str],
        tokens: TokenTable | None = None,
        *,
        batch_size: int = 32,
        name: str | None = None,
    ) -> Probabilities:
        """As in TextClassifier; tokens are ignored."""
        features, model = self._fitted()
        found = np.empty((len(texts), len(self.labels)))
        with Progress(name or "", len(texts), "texts", shown=name is not None) as progress:
            for start in range(0, len(texts), batch_size):
                part = texts[start : start + batch_size]
                found[start : start + batch_size] = model.probabilities(features.rows(part))
                progress.advance(len(part))
        return found

    def describe(self) -> Mapping[str, Any]:
        """The card but for the hash, as JSON values."""
        return self._card("0" * 64).model_dump(mode="json", exclude={"weights_sha256"})

    def save(self, workspace: Workspace) -> None:
        """As in TextClassifier; the numbers and terms are written first, then the card."""
        features, model = self._fitted()
        terms = {name: _bytes_of(each) for name, each in zip(("words", "pieces"), features.names, strict=True)}
        numbers = {"term_weights": features.weights, "weights": model.weights, "bias": model.bias}
        with files.replacing(workspace.classifier_weights) as temporary:
            save_file(terms | numbers, temporary)
        save_card(self._card(files.digest(workspace.classifier_weights)), workspace.classifier_card)

    @classmethod
    def load(cls, workspace: Workspace, base: Path | None = None) -> Self:
        """As in TextClassifier; there is no base model."""
        card, path = load_card_of(LinearCard, workspace.classifier_card), workspace.classifier_weights
        with checked_weights(path, card.weights_sha256):
            read = load_file(path)
        features = Tfidf((_terms_of(read["words"]), _terms_of(read["pieces"])), read["term_weights"])
        model = LinearModel(read["weights"], read["bias"], card.strength, card.scale)
        return cls(card.base, card.labels, card.class_weights, (features, model))

    def _card(self, weights_sha256: str) -> LinearCard:
        _, model = self._fitted()
        return LinearCard(
            base=self._kind,
            features="words 1-2, pieces of words 2-5",
            labels=self.labels,
            class_weights=self._class_weights,
            strength=model.strength,
            scale=model.scale,
            weights_sha256=weights_sha256,
        )

    def _fitted(self) -> tuple[Tfidf, LinearModel]:
        if self._trained is None:
            raise CheckpointError(f"this {self._kind} classifier is not trained yet; call its `fit` first")
        return self._trained


def _bytes_of(terms: Sequence[str]) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """Terms as UTF-8; also halves of surrogate pairs, which only texts that were never in a file can have."""
    return np.frombuffer(_BETWEEN.join(terms).encode("utf-8", "surrogatepass"), np.uint8)


def _terms_of(data: "np.ndarray[Any, np.dtype[np.uint8]]") -> list[str]:
    """The terms that `_bytes_of` was given."""
    return data.tobytes().decode("utf-8", "surrogatepass").split(_BETWEEN) if len(data) else []
