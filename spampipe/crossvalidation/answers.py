"""What one contender says of messages, once it is trained on others."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spampipe.classifiers import catalogue
from spampipe.classifiers.text_classifier import Split, TextClassifier
from spampipe.core.workspace import Workspace
from spampipe.crossvalidation.corpus import Corpus, Positions
from spampipe.data.labels import Labels, LabelSet, Probabilities
from spampipe.data.tokens import TokenTable
from spampipe.params import Params

Splits = Mapping[str, Positions]

_TIMED = 200  # texts that are labelled one after the other to learn how long one takes


@dataclass(frozen=True)
class Answers:
    """Probabilities of the validation and test messages, and what they cost.

    Attributes:
        validation: (V, K) of each label.
        test: (T, K) of each label.
        seconds: that training took, with the pass of the frozen layers where it was not in store.
        milliseconds: that the label of one text takes, when many are labelled together, without any store.
        parameters: numbers that the model holds; None if that does not apply.
        trained: how many of them training changes.
    """

    validation: Probabilities
    test: Probabilities
    seconds: float
    milliseconds: float
    parameters: int | None = None
    trained: int | None = None


def of_model(
    corpus: Corpus, splits: Splits, settings: Params, tokens: TokenTable, workspace: Workspace, *, timed: bool = True
) -> Answers:
    """Train a classifier on some messages, as the pipeline does, and score others.

    Args:
        corpus: the messages.
        splits: positions in the corpus of `train`, `validation` and `test`.
        settings: of which `model`, `train`, `evaluate` and `tokenize_pad` are read.
        tokens: of all messages of the corpus, in its order.
        workspace: holds the store of frozen layers' outputs; the base model is taken from the user's cache.
        timed: whether to learn how long the label of one text takes; without, `milliseconds` is 0.

    Raises:
        DataError: there are too few texts.
        DivergenceError: training does not converge.
        FetchError: the base model could not be had.
    """
    parts = {name: _split(name, corpus, positions, tokens) for name, positions in splits.items()}
    kind = catalogue.kind_of(settings.model.name, settings.model.trainable)
    start = time.perf_counter()
    kind.require_enough(len(parts["train"]), settings.train)
    classifier = kind.create(
        settings.model,
        settings.train,
        corpus.label_set,
        tokens.max_length,
        workspace,
        settings.tokenize_pad.truncate,
    )
    classifier.fit(parts["train"], parts["validation"], lambda record: None)
    seconds = time.perf_counter() - start
    size = settings.evaluate.batch_size
    validation, test = (classifier.probabilities_of(parts[name], size) for name in ("validation", "test"))
    milliseconds = _milliseconds(classifier, parts["test"].texts[:_TIMED], size) if timed else 0.0
    parameters = classifier.parameters()
    return Answers(validation, test, seconds, milliseconds, *(parameters or (None, None)))


def of_majority(corpus: Corpus, splits: Splits) -> Answers:
    """Give each label the share that it has in the training messages.

    Args:
        corpus: the messages.
        splits: positions in the corpus of `train`, `validation` and `test`.
    """
    shares = _shares(corpus.labels[splits["train"]], corpus.label_set)
    validation, test = (np.tile(shares, (len(splits[name]), 1)) for name in ("validation", "test"))
    return Answers(validation, test, 0.0, 0.0)


def of_pattern(corpus: Corpus, splits: Splits, pattern: str) -> Answers:
    """Give each label the share that it has in the training messages with, or without, a regular expression.

    Args:
        corpus: the messages.
        splits: positions in the corpus of `train`, `validation` and `test`.
        pattern: the regular expression, whatever the case.
    """
    compiled = re.compile(pattern, re.IGNORECASE)
    start = time.perf_counter()
    found = np.array([compiled.search(text) is not None for text in corpus.texts])
    milliseconds = 1000 * (time.perf_counter() - start) / len(corpus)
    train = splits["train"]
    shares = {kind: _shares(corpus.labels[train][found[train] == kind], corpus.label_set) for kind in (True, False)}
    validation, test = (
        np.array([shares[bool(each)] for each in found[splits[name]]]) for name in ("validation", "test")
    )
    return Answers(validation, test, 0.0, milliseconds)


def averaged(members: list[Answers]) -> Answers:
    """What members say together: the mean of their probabilities; it costs as much as all of them.

    Args:
        members: the answers of each for the same fold.
    """
    counts = [(each.parameters, each.trained) for each in members if each.parameters is not None]
    return Answers(
        np.mean([each.validation for each in members], axis=0),
        np.mean([each.test for each in members], axis=0),
        sum(each.seconds for each in members),
        sum(each.milliseconds for each in members),
        sum(total or 0 for total, _ in counts) if counts else None,
        sum(trained or 0 for _, trained in counts) if counts else None,
    )


def _shares(labels: Labels, label_set: LabelSet) -> Probabilities:
    """Each label's share, one message of each added, so that none is impossible (Laplace's rule of succession)."""
    counts = np.bincount(labels, minlength=len(label_set)) + 1.0
    shares: Probabilities = counts / counts.sum()
    return shares


def _split(name: str, corpus: Corpus, positions: Positions, tokens: TokenTable) -> Split:
    texts = [corpus.texts[position] for position in positions]
    return Split(name, texts, corpus.labels[positions], tokens.part(positions) if tokens.max_length else None)


def _milliseconds(classifier: TextClassifier, texts: Sequence[str], size: int) -> float:
    start = time.perf_counter()
    classifier.probabilities(texts, batch_size=size)
    return 1000 * (time.perf_counter() - start) / len(texts)
