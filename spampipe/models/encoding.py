"""Texts as the rows of token ids that a base model reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spampipe.core.errors import ParamsError
from spampipe.data import tokens
from spampipe.data.labels import LabelSet
from spampipe.data.settings import TokenizePadParams
from spampipe.data.tokens import TokenTable
from spampipe.models import bases
from spampipe.models.architectures import BaseChoice

if TYPE_CHECKING:
    import pandas as pd


def tokenize(
    tables: Mapping[str, "pd.DataFrame"],
    labels: LabelSet,
    choice: BaseChoice | None,
    base: Path,
    settings: TokenizePadParams,
) -> dict[str, TokenTable]:
    """Tokenize every split, cut and padded to one length.

    Args:
        tables: the splits by name, `train` among them; columns Label and Text.
        labels: what the class indices in them mean.
        choice: which base model reads them; None for a classifier that reads no tokens, whose rows are empty.
        base: the folder of the base model.
        settings: how long rows may be.

    Raises:
        CheckpointError: what the folder says of the model is missing or damaged.
        DataError: the tokenizer's file is missing or damaged.
        ParamsError: rows may be longer than the model reads.
    """
    if choice is None:
        nothing = {split: [list[int]() for _ in table.index] for split, table in tables.items()}
        return {split: tokens.pad(nothing[split], _classes(table), 0, 0, labels) for split, table in tables.items()}
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
    return {
        split: tokens.pad(rows[split], _classes(table), max_length, tokenizer.padding, labels)
        for split, table in tables.items()
    }


def _classes(table: "pd.DataFrame") -> list[int]:
    return [int(label) for label in table["Label"]]
