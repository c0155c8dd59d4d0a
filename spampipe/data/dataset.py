"""What is known of a published data set."""

from collections.abc import Callable
from dataclasses import dataclass

from spampipe.data.labels import LabelSet
from spampipe.downloads.fetch import Pin


@dataclass(frozen=True)
class Dataset:
    """A published data set of labelled texts.

    Attributes:
        pin: the published file; its name is what `download.dataset` calls the data set.
        labels: its label set.
        licence: what it may be used under, such as `CC BY 4.0`.
        citation: who published it, where and when, in one line.
        examples: short texts of its kind, none of them from the data set; they show users what to classify.
        convert: turns the published file's bytes into UTF-8 `label<TAB>text` lines; None if it has that form.
    """

    pin: Pin
    labels: LabelSet
    licence: str
    citation: str
    examples: tuple[str, ...]
    convert: Callable[[bytes], bytes] | None = None
