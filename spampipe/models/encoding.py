"""Texts as the rows of token ids that a base model reads."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spampipe.core.errors import ParamsError
from spampipe.core.workspace import Workspace
from spampipe.data import tokens
from spampipe.data.labels import LabelSet
from spampipe.data.settings import TokenizePadParams
from spampipe.data.tokens import TokenTable
from spampipe.data.truncation import Truncate
from spampipe.models import bases
from spampipe.models.architectures import BaseChoice

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

_MUCH = 0.05  # of the texts of a split, from which on it is worth a warning that they are cut


@dataclass(frozen=True)
class Tokenized:
    """The splits as token ids.

    Attributes:
        tables: the token ids of each split.
        truncated: the share of each split's texts that were too long and so were cut; None of an empty split.
    """

    tables: dict[str, TokenTable]
    truncated: dict[str, float | None]


def tokenize(
    tables: Mapping[str, "pd.DataFrame"],
    labels: LabelSet,
    choice: BaseChoice | None,
    base: Path,
    settings: TokenizePadParams,
) -> Tokenized:
    """Tokenize every split, cut and padded to one length; a warning says if that cuts many texts.

    Args:
        tables: the splits by name, `train` among them; columns Label and Text.
        labels: what the class indices in them mean.
        choice: which base model reads them; None for a classifier that reads no tokens, whose rows are empty.
        base: the folder of the base model.
        settings: how long rows may be, and what of longer ones is cut off.

    Raises:
        CheckpointError: what the folder says of the model is missing or damaged.
        DataError: the tokenizer's file is missing or damaged.
        ParamsError: rows may be longer than the model reads.
    """
    if choice is None:
        nothing = {split: [list[int]() for _ in table.index] for split, table in tables.items()}
        empty = {split: tokens.pad(nothing[split], _classes(table), 0, 0, labels) for split, table in tables.items()}
        return Tokenized(empty, {split: _share_over(rows, 0) for split, rows in nothing.items()})
    model = bases.base_model(choice, base)
    wanted, context = settings.max_length, model.config.context_length
    if isinstance(wanted, int) and wanted > context:
        raise ParamsError(
            f"tokenize_pad.max_length is {wanted}, but {choice.name} reads at most {context} tokens; "
            f"set it to {context} or less, or to model_context"
        )
    tokenizer = model.family.load_tokenizer(base)
    rows = {split: tokenizer.encode(table["Text"].tolist()) for split, table in tables.items()}
    max_length = tokens.choose_max_length(wanted, rows["train"], context)
    rule, special = settings.truncate, (tokenizer.prefix_length, tokenizer.suffix_length)
    padded = {
        split: tokens.pad(rows[split], _classes(table), max_length, tokenizer.padding, labels, rule, special)
        for split, table in tables.items()
    }
    truncated = {split: _share_over(rows[split], max_length) for split in tables}
    _warn_of_many(truncated, max_length, rule)
    return Tokenized(padded, truncated)


def _share_over(rows: list[list[int]], max_length: int) -> float | None:
    """The share of rows that are longer."""
    return sum(len(row) > max_length for row in rows) / len(rows) if rows else None


def _warn_of_many(truncated: Mapping[str, float | None], max_length: int, rule: Truncate) -> None:
    many = [f"{share:.1%} of {split}" for split, share in truncated.items() if share is not None and share > _MUCH]
    if many:
        logger.warning(
            "warning: texts of more than %d tokens lose their %s: %s; see tokenize_pad in %s",
            max_length,
            rule,
            ", ".join(many),
            Workspace().params,
        )


def _classes(table: "pd.DataFrame") -> list[int]:
    return [int(label) for label in table["Label"]]
