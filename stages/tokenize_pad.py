"""Turn every split, and the messages that balancing left out, into rows of token ids."""

from spampipe import params
from spampipe.core import command
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.data import labels, messages, tokens
from spampipe.models import encoding


def main(workspace: Workspace) -> None:
    """Write data/tokens/*.safetensors."""
    settings = params.load(workspace.params)
    known = labels.load(workspace.labels)
    tables = {name: messages.read(workspace.split_csv(name), known) for name in (*SPLITS, LEFTOVER_SPLIT)}
    found = encoding.tokenize(tables, known, settings.model.base, workspace.base, settings.tokenize_pad)
    for name, table in found.items():
        tokens.save(workspace.split_tokens(name), table)


if __name__ == "__main__":
    command.run_stage(main)
