"""What is known of a published data set."""

from collections.abc import Callable
from dataclasses import dataclass

from spampipe.data.labels import LabelSet
from spampipe.downloads.fetch import Pin


@dataclass(frozen=True)
class Dataset:
    """A published data set of labelled texts.

    Attributes:
        name: what `download.dataset` calls it.
        pin: the published file, which may hold several data sets.
        labels: its label set.
        licence: what it may be used under, such as `CC BY 4.0`.
        citation: who published it, where and when, in one line.
        convert: turns the published file's bytes into UTF-8 `label<TAB>text` lines; None if it has that form.
        language: of its texts, as the two letters of ISO 639-1; None if it is not one.
        caveat: what a model may learn from it besides what the labels mean, in a sentence or two; None for nothing
            that is known.
    """

    name: str
    pin: Pin
    labels: LabelSet
    licence: str
    citation: str
    convert: Callable[[bytes], bytes] | None = None
    language: str | None = None
    caveat: str | None = None
