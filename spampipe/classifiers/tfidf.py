"""Linear models of weighted terms (TF-IDF): what a text is in numbers, and how weights are found for the numbers.

Terms are words, pairs of words, and the pieces of two to five characters of each word with a space on either side. A
term counts 1 + log(how often the text has it), times log((1 + N) / (1 + texts that have it)) + 1 of the N training
texts; words and pieces are each scaled to length 1. This is what scikit-learn's TfidfVectorizer computes, without its
import, which takes longer than to classify thousands of texts, and with each word taken to pieces once.
"""

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from spampipe.core.errors import DataError
from spampipe.data import calibration
from spampipe.data.labels import Labels, LabelSet, Probabilities

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Kind = Literal["tfidf-logistic", "tfidf-svm"]
Floats = npt.NDArray[np.float64]

# The inverse strength of the penalty on weights (scikit-learn's C); the validation texts decide which one is taken.
STRENGTHS: dict[Kind, tuple[float, ...]] = {"tfidf-logistic": (1.0, 10.0, 100.0), "tfidf-svm": (1.0, 2.0, 4.0)}

_WORD = re.compile(r"\b\w\w+\b")
_SHORTEST, _LONGEST = 2, 5  # characters of a piece
_REMEMBERED, _REMEMBERED_LENGTH = 20_000, 40  # words whose columns are kept in memory, and characters of the longest


def words(text: str) -> list[str]:
    """The words of two characters or more, then the pairs of neighbours among them.

    Args:
        text: in lower case.
    """
    found = _WORD.findall(text)
    return [*found, *(f"{first} {second}" for first, second in pairwise(found))]


def pieces(word: str) -> list[str]:
    """The runs of two to five characters of a word that has a space on either side.

    Args:
        word: in lower case, without white space.
    """
    spaced = f" {word} "
    sizes = range(_SHORTEST, min(_LONGEST, len(spaced)) + 1)
    return [spaced[start : start + size] for size in sizes for start in range(len(spaced) - size + 1)]


# The parts of a text whose terms are found independently, and the terms of a part.
_KINDS: tuple[tuple[Callable[[str], list[str]], Callable[[str], list[str]]], ...] = (
    (lambda text: [text], words),
    (str.split, pieces),
)


class Tfidf:
    """Turns texts into numbers.

    Args:
        names: the terms, sorted: words and pairs of words, then pieces. Each has a column, V in all.
        weights: (V,) what each term weighs, the more the fewer texts have it.
    """

    def __init__(self, names: tuple[Sequence[str], Sequence[str]], weights: Floats) -> None:
        self.names, self.weights = names, weights
        self._places = [{name: place for place, name in enumerate(each)} for each in names]
        self._remembered = functools.lru_cache(_REMEMBERED)(self._columns)

    @classmethod
    def learn(cls, texts: Sequence[str]) -> "Tfidf":
        """With all terms of some texts.

        Args:
            texts: the training texts.
        """
        parts = ({part for text in texts for part in parts_of(text.lower())} for parts_of, _ in _KINDS)
        terms = ({term for part in each for term in _KINDS[kind][1](part)} for kind, each in enumerate(parts))
        names = (sorted(next(terms)), sorted(next(terms)))
        counted = cls(names, np.empty(0))._counts(texts)
        having = np.concatenate([np.bincount(counts.indices, minlength=counts.shape[1]) for counts in counted])
        return cls(names, np.log((1 + len(texts)) / (1 + having)) + 1)

    def rows(self, texts: Sequence[str]) -> "csr_array":
        """Texts in numbers, (N, V).

        Args:
            texts: N of them.
        """
        from scipy.sparse import hstack

        found = self._counts(texts)
        for counts, weights in zip(found, np.split(self.weights, [len(self.names[0])]), strict=True):
            counts.data = (np.log(counts.data) + 1) * weights[counts.indices]
            lengths = np.sqrt(counts.power(2).sum(axis=1))
            counts.data /= np.repeat(lengths, np.diff(counts.indptr))
        return hstack(found, format="csr")

    def _counts(self, texts: Sequence[str]) -> "list[csr_array]":
        """How often each text has each word, and each piece."""
        from scipy.sparse import csr_array

        found = []
        for kind, (parts_of, _) in enumerate(_KINDS):
            columns: list[int] = []
            ends = [0]
            for text in texts:
                for part in parts_of(text.lower()):
                    short = len(part) <= _REMEMBERED_LENGTH
                    columns += self._remembered(kind, part) if short else self._columns(kind, part)
                ends.append(len(columns))
            content = np.ones(len(columns)), np.array(columns, np.int32), np.array(ends, np.int32)
            found.append(csr_array(content, shape=(len(texts), len(self.names[kind]))))
            found[kind].sum_duplicates()
        return found

    def _columns(self, kind: int, part: str) -> list[int]:
        places = self._places[kind]
        return [places[term] for term in _KINDS[kind][1](part) if term in places]


@dataclass(frozen=True)
class LinearModel:
    """Weights for the numbers.

    Attributes:
        weights: (K, V) for K labels, each against the rest; (1, V) for two labels, of the second.
        bias: (K,) or (1,) what is added to a score.
        strength: the inverse strength of the penalty that they were found with.
        scale: what scores are multiplied by to become logarithms of probabilities, more than 0.
    """

    weights: Floats
    bias: Floats
    strength: float
    scale: float

    def probabilities(self, rows: "csr_array") -> Probabilities:
        """How probable each label is.

        Args:
            rows: (N, V) as `Tfidf.rows` makes them.

        Returns:
            (N, K); the label of the highest score is the most probable one.
        """
        return np.exp(calibration.log_shares(self.scale * _scores(self.weights, self.bias, rows)))


def solve(
    kind: Kind,
    train: "tuple[csr_array, Labels]",
    validation: "tuple[csr_array, Labels]",
    labels: LabelSet,
    *,
    balanced: bool,
) -> LinearModel:
    """Find weights by logistic regression or a linear support vector machine, each label against the rest.

    Scores become probabilities by the one factor that makes the validation labels most probable (temperature scaling,
    Guo et al. 2017), so that the most probable label is the model's own. Of STRENGTHS, the one is taken that then
    gives the validation labels the lowest log loss; the first, if several do.

    Args:
        kind: which of the two.
        train: N texts as rows, and their class indices.
        validation: the texts that decide the strength and the factor, likewise.
        labels: the label set.
        balanced: whether a text counts the more the rarer its label is.

    Raises:
        DataError: a label has no training text, or there are no validation texts.
    """
    from threadpoolctl import threadpool_limits

    counts = np.bincount(train[1], minlength=len(labels))
    if not counts.all():
        raise DataError(
            f"{labels.names[counts.argmin()]}: no training text has this label; add some, or leave it out"
        )
    if not len(validation[1]):
        raise DataError("there are no validation texts; raise split.validation_fraction")
    importance = (len(train[1]) / (len(labels) * counts))[train[1]] if balanced else None
    found: list[tuple[float, LinearModel]] = []
    with threadpool_limits(1):  # numbers are then added in the same order everywhere
        for strength in STRENGTHS[kind]:
            weights, bias = _fitted(_estimator(kind, strength), *train, len(labels), importance)
            loss, scale = calibration.fit_scale(_scores(weights, bias, validation[0]), validation[1])
            found.append((loss, LinearModel(weights, bias, strength, scale)))
    return min(found, key=lambda each: each[0])[1]


def _estimator(kind: Kind, strength: float) -> Any:
    """scikit-learn's; the order in which it visits texts is fixed, as it finds the same weights in any."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    if kind == "tfidf-svm":
        return LinearSVC(C=strength, random_state=0, max_iter=10_000)
    return LogisticRegression(C=strength, solver="liblinear", random_state=0, max_iter=10_000)


def _fitted(
    estimator: Any, rows: "csr_array", labels: Labels, classes: int, importance: Floats | None
) -> tuple[Floats, Floats]:
    """Weights and bias of `LinearModel`."""
    weights, bias = [], []
    for label in range(classes) if classes > 2 else (1,):
        estimator.fit(rows, labels == label, sample_weight=importance)
        weights.append(estimator.coef_[0])
        bias.append(estimator.intercept_[0])
    return np.array(weights), np.array(bias)


def _scores(weights: Floats, bias: Floats, rows: "csr_array") -> Floats:
    """(N, K) a score for each label."""
    found = rows @ weights.T + bias
    return np.hstack([-found / 2, found / 2]) if len(bias) == 1 else found
