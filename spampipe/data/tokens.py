"""Messages as rows of token ids: cut, pad, store."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.data import labels
from spampipe.data.labels import LabelSet

_LABEL_SET = "label_set"

Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True)
class TokenTable:
    """Tokenized messages of one split.

    Attributes:
        input_ids: (messages, max_length) int32, padded on the right with the end-of-text id.
        lengths: (messages,) int32, the real tokens of each row.
        labels: (messages,) int32, the class of each row.
        label_set: what the classes are called.
    """

    input_ids: Int32Array
    lengths: Int32Array
    labels: Int32Array
    label_set: LabelSet

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def max_length(self) -> int:
        """Columns of input_ids."""
        return int(self.input_ids.shape[1])


def choose_max_length(
    wanted: int | Literal["longest_train", "model_context"],
    train_rows: list[list[int]],
    context_length: int,
) -> int:
    """The number of columns: the longest training message, the model's context, or the wanted number.

    Never more than the context, since the model has no positions beyond it; params.py refuses a larger number.
    """
    if wanted == "longest_train":
        return min(max(len(row) for row in train_rows), context_length)
    return context_length if wanted == "model_context" else wanted


def pad(rows: list[list[int]], labels: list[int], max_length: int, padding: int, label_set: LabelSet) -> TokenTable:
    """Cut each row to max_length and fill it up on the right with `padding`."""
    input_ids = np.full((len(rows), max_length), padding, dtype=np.int32)
    for number, row in enumerate(rows):
        kept = row[:max_length]
        input_ids[number, : len(kept)] = kept
    lengths = np.array([min(len(row), max_length) for row in rows], dtype=np.int32)
    return TokenTable(input_ids, lengths, np.array(labels, dtype=np.int32), label_set)


def save(path: Path, table: TokenTable) -> None:
    """Write as safetensors; with a single entry of metadata, since the order of several would vary in the file."""
    with files.replacing(path) as temporary:
        save_file(
            {"input_ids": table.input_ids, "labels": table.labels, "lengths": table.lengths},
            temporary,
            {_LABEL_SET: labels.unparse(table.label_set)},
        )


def load(path: Path) -> TokenTable:
    """Read what `save` wrote.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="numpy") as stored:
            label_set = labels.parse((stored.metadata() or {})[_LABEL_SET])
        tensors: Mapping[str, Int32Array] = load_file(path)
        return TokenTable(tensors["input_ids"], tensors["lengths"], tensors["labels"], label_set)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro` or `dvc pull`") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error}); run `dvc repro --force tokenize-pad`") from error
