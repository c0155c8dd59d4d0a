"""Which texts are copies of one another, word for word or nearly: two of one template, with other numbers in it."""

import re
import unicodedata
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Grouping = Literal[
    "none", "exact", "near"
]  # which texts are of one group: none with another, copies, near-duplicates
Groups = npt.NDArray[np.int64]  # (N,) the group of each text, counted from 0 in the order of first appearance
Flags = npt.NDArray[np.bool_]

_DIGITS = re.compile(r"\d+")
_KEPT = "LMN"  # Unicode's general categories of letters, their marks, and numbers
_CHARACTERS = 5  # of an n-gram
_ENTRIES = 2**22  # of the similarities that are in memory together, at some 50 bytes each


@dataclass(frozen=True)
class Siblings:
    """Which of N texts have a sibling in another list of texts. Each kind includes the one before it.

    Attributes:
        exact: (N,) the same text.
        normalised: (N,) a text that is the same once both are normalised.
        near: (N,) a near-duplicate.
    """

    exact: Flags
    normalised: Flags
    near: Flags


def normalised(text: str) -> str:
    """What is left of a text without case, numbers, punctuation and white space.

    It is put into Unicode's form NFKC and case folded; then each run of digits becomes one 0, and of the other
    characters only letters, their marks and numbers stay. Where none is left, as of `:-)`, all but white space stays.

    Args:
        text: any text.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    masked = _DIGITS.sub("0", folded)
    kept = "".join(character for character in masked if unicodedata.category(character)[0] in _KEPT)
    return kept or "".join(folded.split())


def groups(texts: Sequence[str], how: Grouping, threshold: float) -> Groups:
    """Put texts that are copies of one another into one group.

    Two texts are near-duplicates if, normalised, they are equal, or if the sets of their runs of five characters are
    alike enough. Whatever a chain of near-duplicates connects is one group. Texts that have fewer than five
    characters, normalised, are near-duplicates only of those that are equal then.

    For near-duplicates, time grows with the square of the number of texts, and with their lengths: one or two seconds
    for the 5,572 messages of the SMS Spam Collection. Memory stays bounded apart from the texts' own n-grams.

    Args:
        texts: N texts.
        how: `none` puts each text into a group of its own, `exact` copies into one, `near` near-duplicates as well.
        threshold: the least Jaccard similarity (shared runs of characters, of all that either text has) of
            near-duplicates, above 0 and at most 1.
    """
    if how == "none":
        return np.arange(len(texts), dtype=np.int64)
    if how == "exact":
        return numbered(texts)
    plain = [normalised(text) for text in texts]
    found = _connected(list(dict.fromkeys(plain)), threshold)
    return numbered(found[numbered(plain)].tolist())


def numbered(values: Sequence[Hashable]) -> Groups:
    """The number of each value among the different ones, in the order of first appearance.

    Args:
        values: N values.
    """
    places: dict[Hashable, int] = {}
    return np.array([places.setdefault(value, len(places)) for value in values], dtype=np.int64)


def siblings(texts: Sequence[str], others: Sequence[str], threshold: float) -> Siblings:
    """Find out which texts have a sibling among others.

    Time grows with the product of both numbers of texts, else as that of `groups`.

    Args:
        texts: N texts.
        others: the texts to look among.
        threshold: as for `groups`.
    """
    own, theirs = [normalised(text) for text in texts], [normalised(text) for text in others]
    known, known_normalised = set(others), set(theirs)
    exact = np.array([text in known for text in texts], dtype=bool)
    equal = np.array([text in known_normalised for text in own], dtype=bool)
    near = equal.copy()
    distinct = list(dict.fromkeys(theirs))
    grams = _grams([*own, *distinct])
    for rows, _ in _near_pairs(grams[: len(own)], grams[len(own) :], threshold):
        near[rows] = True
    return Siblings(exact, equal, near)


def similarities(texts: Sequence[str], others: Sequence[str]) -> Iterator[npt.NDArray[np.float64]]:
    """The Jaccard similarity of texts and others that `groups` compares with its threshold.

    It is 1 for texts that are equal once they are normalised, and 0 for others of which one has fewer than five
    characters then.

    Args:
        texts: N texts.
        others: M texts.

    Yields:
        (B, M) numbers from 0 to 1, for B texts at a time, in their order; as many as memory has room for.
    """
    plain = [normalised(text) for text in (*texts, *others)]
    grams, names = _grams(plain), numbered(plain)
    left, right = grams[: len(texts)], grams[len(texts) :].T.tocsr()
    sizes = np.diff(grams.indptr)
    step = max(1, _ENTRIES // max(1, len(others)))
    for start in range(0, len(texts), step):
        shared = (left[start : start + step] @ right).toarray().astype(np.float64)
        either = sizes[start : start + len(shared), None] + sizes[None, len(texts) :] - shared
        found = np.divide(shared, either, out=np.zeros_like(shared), where=either > 0)
        found[names[start : start + len(shared), None] == names[None, len(texts) :]] = 1.0
        yield found


def _connected(texts: Sequence[str], threshold: float) -> Groups:
    """The number of the connected component of each of N different normalised texts."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    found = np.arange(len(texts))
    grams = _grams(texts)
    for rows, columns in _near_pairs(grams, grams, threshold):
        edges = coo_array((np.ones(len(rows), dtype=bool), (found[rows], found[columns])), shape=(len(texts),) * 2)
        found = connected_components(edges, directed=False)[1][found]  # of this block and of those before it
    return found


def _grams(texts: Sequence[str]) -> "csr_array":
    """(N, V) ones where a text has a run of five characters, zeros elsewhere."""
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import CountVectorizer

    if all(len(text) < _CHARACTERS for text in texts):  # CountVectorizer refuses texts without any n-gram
        return csr_array((len(texts), 1), dtype=np.int32)
    sizes = (_CHARACTERS, _CHARACTERS)
    counter = CountVectorizer(analyzer="char", ngram_range=sizes, binary=True, lowercase=False, dtype=np.int32)
    return csr_array(counter.fit_transform(texts))


def _near_pairs(
    left: "csr_array", right: "csr_array", threshold: float
) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]]:
    """The pairs of a row of `left` and one of `right` whose Jaccard similarity reaches the threshold, in blocks."""
    own, theirs = np.diff(left.indptr), np.diff(right.indptr)
    columns = right.T.tocsr()
    step = max(1, _ENTRIES // max(1, len(theirs)))
    for start in range(0, len(own), step):
        shared = (left[start : start + step] @ columns).tocoo()
        rows = shared.row + start
        similarity = shared.data / (own[rows] + theirs[shared.col] - shared.data)
        near = similarity >= threshold
        yield rows[near], shared.col[near]
