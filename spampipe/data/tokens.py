"""Messages as rows of token ids: cut, pad, store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from spampipe.core import files
from spampipe.core.errors import DataError, one_line
from spampipe.data import labels
from spampipe.data.labels import LabelSet
from spampipe.data.truncation import Truncate, cut

Int32Array = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]

_TENSORS = ("input_ids", "lengths", "labels")
_LABEL_SET = "label_set"  # the file's only metadata: the order of several would vary from run to run


@dataclass(frozen=True)
class TokenTable:
    """Tokenized messages of one split.

    Attributes:
        input_ids: (messages, max_length) int32, padded on the right with the end-of-text id.
        lengths: (messages,) int32, the real tokens of each row.
        labels: (messages,) int32, the class index of each row.
        label_set: what the class indices mean.
        whole: the table that this one is a part of, and the positions of its messages there; None if it is no part.
    """

    input_ids: Int32Array
    lengths: Int32Array
    labels: Int32Array
    label_set: LabelSet
    whole: "tuple[TokenTable, Positions] | None" = None

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def max_length(self) -> int:
        """Columns of input_ids."""
        return int(self.input_ids.shape[1])

    def rows(self, chosen: slice | npt.NDArray[np.integer]) -> Self:
        """The table of some of the messages.

        Args:
            chosen: their positions, from 0.
        """
        return type(self)(self.input_ids[chosen], self.lengths[chosen], self.labels[chosen], self.label_set)

    def part(self, chosen: Positions) -> Self:
        """The table of some of the messages, which knows the whole: what is computed once of all serves every part.

        Args:
            chosen: their positions, from 0.
        """
        return replace(self.rows(chosen), whole=(self, chosen))


def choose_max_length(
    wanted: int | Literal["longest_train", "model_context"],
    train_rows: list[list[int]],
    context_length: int,
) -> int:
    """The number of columns: the longest training message, the model's context, or the wanted number.

    Never more than the context, since the model has no positions beyond it; params.py refuses a larger number.

    Args:
        wanted: the setting, in tokens if it is a number.
        train_rows: the token ids of each training message, whole.
        context_length: the most tokens that the model reads.
    """
    if wanted == "longest_train":
        return min(max(len(row) for row in train_rows), context_length)
    return context_length if wanted == "model_context" else wanted


def pad(
    rows: Sequence[Sequence[int]],
    classes: Sequence[int],
    max_length: int,
    padding: int,
    label_set: LabelSet,
    truncate: Truncate = "tail",
    special: tuple[int, int] = (0, 0),
) -> TokenTable:
    """Cut each row to one length, or fill it up on the right.

    Args:
        rows: the token ids of each message.
        classes: the class index of each message.
        max_length: the length of every row, in tokens; 0 for a model that reads no tokens.
        padding: the id that fills short rows up.
        label_set: what the class indices mean.
        truncate: which part of a too long row is cut off.
        special: how many special tokens every row begins and ends with, which stay.
    """
    input_ids = np.full((len(rows), max_length), padding, dtype=np.int32)
    for number, row in enumerate(rows):
        kept = cut(row, max_length, truncate, special)
        input_ids[number, : len(kept)] = kept
    lengths = np.array([min(len(row), max_length) for row in rows], dtype=np.int32)
    return TokenTable(input_ids, lengths, np.array(classes, dtype=np.int32), label_set)


def save(path: Path, table: TokenTable) -> None:
    """Write a table as safetensors; the same bytes each time.

    Args:
        path: the file, which is replaced in one step.
        table: the messages.
    """
    with files.replacing(path) as temporary:
        tensors = {name: getattr(table, name) for name in _TENSORS}
        save_file(tensors, temporary, metadata={_LABEL_SET: labels.unparse(table.label_set)})


def load(path: Path) -> TokenTable:
    """Read what `save` wrote.

    Args:
        path: the file.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="numpy") as opened:
            metadata = opened.metadata() or {}
            input_ids, lengths, classes = (opened.get_tensor(name) for name in _TENSORS)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro` or `dvc pull`") from None
    except SafetensorError as error:
        raise _damaged(path, one_line(error)) from error
    label_set = _label_set(path, metadata)
    if len(classes) and not 0 <= classes.min() <= classes.max() < len(label_set):
        raise _damaged(path, f"holds class indices other than 0 to {len(label_set) - 1}")
    return TokenTable(input_ids, lengths, classes, label_set)


def _label_set(path: Path, metadata: Mapping[str, str]) -> LabelSet:
    if _LABEL_SET not in metadata:
        raise _damaged(path, "holds no label set")
    try:
        return labels.parse(metadata[_LABEL_SET])
    except ValueError as error:
        raise _damaged(path, labels.explain(error)) from error


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(f"{path}: damaged ({reason}); run `dvc repro --force tokenize-pad`")
