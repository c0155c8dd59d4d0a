"""Turn every split, and the messages that balancing left out, into rows of token ids."""

from spampipe import params
from spampipe.core import command, paths
from spampipe.core.workspace import Workspace
from spampipe.data import labels, messages, tokens
from spampipe.models.catalogue import BASE_MODELS


def main(workspace: Workspace) -> None:
    """Write data/tokens/*.safetensors."""
    settings = params.load(workspace.params)
    known = labels.load(workspace.labels)
    base = BASE_MODELS[settings.model.name]
    tokenizer = base.family.load_tokenizer(workspace.base)
    tables = {name: messages.read(paths.split_csv(name)) for name in (*paths.SPLITS, paths.LEFTOVER_SPLIT)}
    rows = {name: tokenizer.encode(table["Text"].tolist()) for name, table in tables.items()}
    max_length = tokens.choose_max_length(settings.tokenize_pad.max_length, rows["train"], base.config.context_length)
    for name, table in tables.items():
        tokens.save(
            paths.split_tokens(name),
            tokens.pad(rows[name], table["Label"].tolist(), max_length, tokenizer.padding, known),
        )


if __name__ == "__main__":
    command.run_stage(main)
