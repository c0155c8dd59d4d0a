"""Turn every split, and the messages that balancing left out, into rows of token ids."""

from collections.abc import Mapping

from spampipe import params
from spampipe.core import command, paths
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.data import labels, messages, tokenizer, tokens
from spampipe.models.architectures import BASE_MODELS
from spampipe.params import Params


def main(workspace: Workspace) -> None:
    """Write data/tokens/*.safetensors."""
    settings = params.load(workspace.params)
    label_set = labels.load(workspace.labels)
    tables = {name: messages.read(workspace.split_csv(name), label_set) for name in (*SPLITS, LEFTOVER_SPLIT)}
    rows, max_length, padding = encoded(
        workspace, settings, {name: table["Text"].tolist() for name, table in tables.items()}
    )
    for name, table in tables.items():
        padded = tokens.pad(rows[name], table["Label"].tolist(), max_length, padding, label_set)
        tokens.save(workspace.split_tokens(name), padded)


def encoded(
    workspace: Workspace, settings: Params, texts: Mapping[str, list[str]]
) -> tuple[dict[str, list[list[int]]], int, int]:
    """What the model reads of each text.

    Args:
        workspace: holds the base model.
        settings: name the model, and how long its rows may be.
        texts: those of each split, by the split's name.

    Returns:
        The token ids of each text, by split; the rows' length in tokens; the id that fills short rows up. For a model
        that reads no tokens, the rows are empty.
    """
    base = BASE_MODELS.get(settings.model.name)
    if base is None:
        return {name: [[] for _ in those] for name, those in texts.items()}, 0, 0
    encoding = tokenizer.load(paths.base_tokenizer(workspace.base), base.tokenizer)
    rows = {name: tokens.encode(encoding, those) for name, those in texts.items()}
    max_length = tokens.choose_max_length(settings.tokenize_pad.max_length, rows["train"], base.config.context_length)
    return rows, max_length, tokenizer.TOKENIZERS[base.tokenizer].end_of_text


if __name__ == "__main__":
    command.run_stage(main)
