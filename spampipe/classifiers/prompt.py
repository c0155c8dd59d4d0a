"""A base model that is asked for the label, before any fine-tuning."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from safetensors.torch import save_file

from spampipe.classifiers import label_bias, prompt_template, prompt_tokens
from spampipe.classifiers.neural import base_folder, load_tokenizer
from spampipe.classifiers.prompt_template import Prompts, PromptTemplate
from spampipe.classifiers.settings import ModelParams
from spampipe.classifiers.text_classifier import Split, TextClassifier
from spampipe.core import files
from spampipe.core.errors import CheckpointError, DataError
from spampipe.core.workspace import Workspace
from spampipe.data.labels import EVEN, Labels, LabelSet, Probabilities, decide
from spampipe.data.tokenizer import Tokenizer
from spampipe.data.tokens import TokenTable
from spampipe.data.truncation import Truncate
from spampipe.models import checkpoint, compute, describing
from spampipe.models.card import ClassifierCard, SavedCard, load_card_of, save_card
from spampipe.models.compute import random_stream
from spampipe.models.continuations import log_probabilities
from spampipe.models.decoder import Decoder
from spampipe.training.settings import TrainParams
from spampipe.training.training_log import Record

_BIAS = "bias"  # the name of its tensor; random weights stand beside it under their own names


class PromptEntries(ClassifierCard):
    """What a card says of a prompt, besides what it says of a base model.

    Attributes:
        template: with an answer for each label.
        examples: pairs of a text and its label's name, in the order of the prompt.
    """

    trainable: Literal["prompt"]
    template: PromptTemplate
    examples: tuple[tuple[str, str], ...]


class PromptCard(PromptEntries, SavedCard):
    """The card of a prompt whose biases are in a file."""


class PromptClassifier(TextClassifier):
    """A decoder, and the question that it is asked. The label whose answer it finds most probable is given.

    How probable an answer is, `models.continuations` says; what is added to its logarithm, `label_bias`.

    Args:
        decoder: the base model.
        card: what it is asked.
        tokenizer: the base model's.
        bias: (K,) what is added to the answers' log-probabilities.
        model: what is to be fitted, and
        train: the seed of examples; both None for one that is fitted already.
    """

    def __init__(
        self,
        decoder: Decoder,
        card: PromptEntries,
        tokenizer: Tokenizer,
        bias: torch.Tensor | None = None,
        model: ModelParams | None = None,
        train: TrainParams | None = None,
    ) -> None:
        self._decoder, self._card, self._tokenizer = decoder.eval(), card, tokenizer
        self._model, self._train = model, train
        self.labels = card.labels
        self._bias = torch.zeros(len(card.labels), dtype=torch.float64) if bias is None else bias
        self._prompts = Prompts(card.template, card.examples)

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
            ParamsError: the template cannot be used.
            WeightsError: the base's weight file is damaged.
        """
        if not max_length:
            raise DataError(f"{workspace.tokens}: holds no tokens of the texts; run `dvc repro` or `dvc pull`")
        path = Path(model.prompt_template)
        template = prompt_template.load(path).fit_to(labels, str(path))
        base = base_folder(workspace, model.require_base())
        asked = model.model_copy(update={"position": "last_real", "causal": True})
        described = describing.describe(asked, labels, max_length, train.precision, base, truncate)
        card = PromptEntries.model_validate(dict(described) | {"template": template, "examples": ()})
        decoder = checkpoint.base_decoder(card, base, compute.chosen_device(), seed=train.seed)
        return cls(decoder, card, load_tokenizer(card, base), None, model, train)

    def fit(self, train: Split, validation: Split, listen: Callable[[Record], None]) -> list[Record]:
        """As in TextClassifier: choose the examples, and the biases if they are asked for.

        Raises:
            CheckpointError: it was fitted before.
            DataError: there are fewer texts than examples, or the examples leave a text no room.
        """
        if self._model is None or self._train is None:
            raise CheckpointError("a prompt that is complete already cannot be fitted; create a new one")
        examples = _choose(train, self.labels, self._model.prompt_shots, self._train.seed)
        texts = self._cut([text for text, _ in examples])
        examples = tuple((text, label) for text, (_, label) in zip(texts, examples, strict=True))
        self._card = self._card.model_copy(update={"examples": examples})
        self._prompts = Prompts(self._card.template, examples)
        learnt, unseen = (self._scores(split.texts, 32, split.name) for split in (train, validation))
        if self._model.prompt_calibrate:
            self._bias = torch.from_numpy(label_bias.fit(unseen, validation.labels))
        bias = self._bias.numpy()
        judged = [
            _judge(learnt + bias, train.labels, self.labels),
            _judge(unseen + bias, validation.labels, self.labels),
        ]
        moment = (0, 1.0, len(examples), 0, 0.0)
        losses, accuracies = zip(*judged, strict=True)
        records = [Record("loss", *moment, *losses), Record("accuracy", *moment, *accuracies)]
        for record in records:
            listen(record)
        self._model = self._train = None
        return records

    def raw_probabilities(
        self,
        texts: Sequence[str],
        tokens: TokenTable | None = None,
        *,
        batch_size: int = 32,
        name: str | None = None,
    ) -> Probabilities:
        """As in TextClassifier; tokens are ignored, as those of a text depend on what stands before it."""
        return label_bias.softmax(self._scores(texts, batch_size, name))

    def describe(self) -> Mapping[str, Any]:
        """The card, as JSON values."""
        return self._card.model_dump(mode="json")

    def save(self, workspace: Workspace) -> None:
        """As in TextClassifier; the biases are written first, then the card."""
        tensors = {_BIAS: self._bias}
        if self._card.base_sha256 is None:
            tensors |= {name: tensor.detach().cpu() for name, tensor in self._decoder.named_parameters()}
        with files.replacing(workspace.classifier_weights) as temporary:
            save_file(tensors, temporary)
        digest = files.digest(workspace.classifier_weights)
        card = PromptCard.model_validate(dict(self._card) | {"weights_sha256": digest})
        save_card(card, workspace.classifier_card)

    @classmethod
    def load(cls, workspace: Workspace, base: Path | None = None) -> Self:
        """As in TextClassifier; the template's file is not needed.

        Raises:
            CheckpointError: a file is missing, damaged, or not the one the classifier was made with.
            DataError: the base's tokenizer is missing or damaged.
            WeightsError: the saved tensors or the base's do not fit the card.
        """
        card = load_card_of(PromptCard, workspace.classifier_card)
        folder = base or base_folder(workspace, card.choice)
        tokenizer = load_tokenizer(card, folder)
        saved = checkpoint.read_tensors(workspace.classifier_weights, card.weights_sha256)
        bias = saved.pop(_BIAS)
        decoder = checkpoint.base_decoder(card, folder, compute.chosen_device(), saved=saved)
        return cls(decoder, card, tokenizer, bias)

    def _cut(self, texts: list[str]) -> list[str]:
        """The texts, those that are too long without a part."""
        return prompt_tokens.cut(texts, self._tokenizer, self._card.max_length, self._card.truncate)

    def _scores(self, texts: Sequence[str], batch_size: int, name: str | None) -> label_bias.Scores:
        """(N, K) what N texts' probabilities are made of; the prompt of a text that occurs twice is read once."""
        place = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        answers = prompt_tokens.answers(self._prompts, self._tokenizer)
        room = self._card.architecture.context_length - max(map(len, answers))
        asked = self._cut(list(place))
        rows = prompt_tokens.rows(self._prompts, self._tokenizer, asked, room)
        found = log_probabilities(self._decoder, rows, answers, batch_size, self._card.precision, name)
        return found[[place[text] for text in texts]] + self._bias.numpy()


def _judge(scores: label_bias.Scores, classes: Labels, labels: LabelSet) -> tuple[float, float]:
    """The mean log loss and the accuracy of (N, K) scores of N texts with these class indices."""
    loss = -label_bias.log_softmax(scores)[np.arange(len(classes)), classes].mean()
    return float(loss), float((decide(label_bias.softmax(scores), labels, EVEN) == classes).mean())


def _choose(train: Split, labels: LabelSet, count: int, seed: int) -> tuple[tuple[str, str], ...]:
    """Different texts of `train` with their labels' names, evenly from each label."""
    order = torch.randperm(len(train), generator=random_stream(seed, "examples of the prompt")).tolist()
    left: dict[int, list[int]] = {}
    for number in {train.texts[number]: number for number in reversed(order)}.values():
        left.setdefault(int(train.labels[number]), []).append(number)
    chosen: list[int] = []
    while len(chosen) < count and any(left.values()):
        chosen += [numbers.pop() for numbers in left.values() if numbers]
    if len(chosen) < count:
        raise DataError(f"train: has {len(chosen)} different texts; lower model.prompt_shots, which is {count}")
    return tuple((train.texts[number], labels.names[train.labels[number]]) for number in chosen[:count])
