"""Texts as the rows of token ids that a base model reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

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
        DataError: the tokenizer's file is missing or damaged.
    """
    if choice is None:
        nothing = {split: [list[int]() for _ in table.index] for split, table in tables.items()}
        return {split: tokens.pad(nothing[split], _classes(table), 0, 0, labels) for split, table in tables.items()}
    model = bases.base_model(choice, base)
    tokenizer = model.family.load_tokenizer(base)
    rows = {split: tokenizer.encode(table["Text"].tolist()) for split, table in tables.items()}
    max_length = tokens.choose_max_length(settings.max_length, rows["train"], model.config.context_length)
    return {
        split: tokens.pad(rows[split], _classes(table), max_length, tokenizer.padding, labels)
        for split, table in tables.items()
    }


def _classes(table: "pd.DataFrame") -> list[int]:
    return [int(label) for label in table["Label"]]
