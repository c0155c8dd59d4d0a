"""Several classifiers that answer as one: the mean of their probabilities (Dietterich 2000, "Ensemble methods")."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from safetensors.numpy import load, save

from spampipe.classifiers import catalogue
from spampipe.classifiers.decision import UNDECIDED
from spampipe.classifiers.settings import ModelParams
from spampipe.classifiers.text_classifier import Split, TextClassifier
from spampipe.core import files
from spampipe.core.workspace import Workspace
from spampipe.data.labels import EVEN, LabelSet, Probabilities, decide
from spampipe.data.tokens import TokenTable
from spampipe.data.truncation import Truncate
from spampipe.models import sealed
from spampipe.training.settings import TrainParams
from spampipe.training.training_log import Record

FORMAT = 1


@dataclass(frozen=True)
class Member:
    """One of the classifiers.

    Attributes:
        name: as `model.name` has it.
        classifier: what answers.
    """

    name: str
    classifier: TextClassifier


class EnsembleClassifier(TextClassifier):
    """Averages the probabilities of classifiers that are trained on the same texts.

    Saved, the members' files are the tensors of one file, byte by byte, and their cards stand in one card.

    Args:
        members: two or more, of which at most one has a base model.
        labels: the label set, which is each member's.
    """

    def __init__(self, members: Sequence[Member], labels: LabelSet) -> None:
        self._members = list(members)
        self.labels = labels

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
        """As in TextClassifier."""
        members = []
        for name in model.members or []:
            kind = catalogue.kind_of(name, model.trainable)
            members.append(
                Member(name, kind.create(model.of_member(name), train, labels, max_length, workspace, truncate))
            )
        return cls(members, labels)

    def fit(self, train: Split, validation: Split, listen: Callable[[Record], None]) -> list[Record]:
        """As in TextClassifier; each member by itself.

        Returns:
            The records of the member that has a base model, and then one of the accuracy of all together.

        Raises:
            As what the members' `fit` raises.
        """
        records: list[Record] = []
        for member in self._members:
            shown = catalogue.is_base(member.name)
            found = member.classifier.fit(train, validation, listen if shown else lambda record: None)
            records += found if shown else []
        shares = [self._accuracy(split) for split in (train, validation)]
        records.append(_closing(records, len(train), shares))
        listen(records[-1])
        return records

    def training_flops(self, examples: int, tokens: int) -> int | None:
        """As in TextClassifier; of the member that has a base model."""
        for member in self._members:
            if catalogue.is_base(member.name):
                return member.classifier.training_flops(examples, tokens)
        return None

    def raw_probabilities(
        self,
        texts: Sequence[str],
        tokens: TokenTable | None = None,
        *,
        batch_size: int = 32,
        name: str | None = None,
    ) -> Probabilities:
        """As in TextClassifier: the mean of the members' answers."""
        found = [
            member.classifier.probabilities(texts, tokens, batch_size=batch_size, name=name)
            for member in self._members
        ]
        mean: Probabilities = np.mean(found, axis=0)
        return mean

    def describe(self) -> Mapping[str, Any]:
        """What each member is, as JSON values."""
        return self._card([member.classifier.describe() for member in self._members])

    def save(self, workspace: Workspace) -> None:
        """As in TextClassifier; the members' files are written first, then the card."""
        cards, parts = [], {}
        with tempfile.TemporaryDirectory() as folder:
            for number, member in enumerate(self._members):
                place = Workspace(Path(folder) / str(number))
                member.classifier.save(place)
                cards.append(json.loads(place.classifier_card.read_text(encoding="utf-8")))
                parts[str(number)] = np.fromfile(place.classifier_weights, np.uint8)
        files.write_bytes(workspace.classifier_weights, save(parts))
        sha256 = files.digest(workspace.classifier_weights)
        content = {"format": FORMAT, **self._card(cards), "weights_sha256": sha256}
        sealed.seal(content, workspace.classifier_card)

    @classmethod
    def load(cls, workspace: Workspace, base: Path | None = None) -> Self:
        """As in TextClassifier.

        Raises:
            CheckpointError: a file is missing, damaged, or not the one the classifier was trained with.
            As what the members' `load` raises.
        """
        content = sealed.unsealed(workspace.classifier_card, FORMAT)
        if base is None and workspace.base.exists():
            base = workspace.base
        parts = _parts(workspace.classifier_weights, content["weights_sha256"])
        members = []
        with tempfile.TemporaryDirectory() as folder:
            for number, entries in enumerate(content["members"]):
                place = Workspace(Path(folder) / str(number), workspace.shared or workspace.root)
                files.write_bytes(place.classifier_weights, parts[str(number)].tobytes())
                files.write_json(place.classifier_card, entries)
                members.append(Member(entries["base"], catalogue.load(place, base, UNDECIDED)))
        return cls(members, members[0].classifier.labels)

    def _card(self, cards: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The entries about the whole, and the members' own."""
        return {"base": catalogue.ENSEMBLE, "labels": self.labels.model_dump(mode="json"), "members": list(cards)}

    def _accuracy(self, split: Split) -> float:
        """The share of a split's labels that is right at one half."""
        found = self.probabilities(split.texts, split.tokens, name=split.name)
        return float((decide(found, self.labels, EVEN) == split.labels).mean())


def _closing(records: Sequence[Record], examples: int, shares: Sequence[float]) -> Record:
    """The record of the accuracy of all members together: of a moment of its own, after all training."""
    train, validation = shares
    if not records:
        return Record("accuracy", 0, 1.0, examples, 0, 0.0, train, validation)
    last = records[-1]
    return replace(last, quantity="accuracy", step=last.step + 1, train=train, validation=validation)


def _parts(path: Path, sha256: str) -> dict[str, Any]:
    """The members' files, (bytes,) uint8 by their number, once the hash of all is found right."""
    with sealed.checked_weights(path, sha256):
        return load(path.read_bytes())
