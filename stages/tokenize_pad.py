"""Turn every split, and the messages that balancing left out, into rows of token ids."""

from spampipe import params
from spampipe.core import command, files
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.data import labels, messages, tokens
from spampipe.models import encoding


def main(workspace: Workspace) -> None:
    """Write data/tokens/*.safetensors and reports/tokens/metrics.json."""
    settings = params.load(workspace.params)
    known = labels.load(workspace.labels)
    tables = {name: messages.read(workspace.split_csv(name), known) for name in (*SPLITS, LEFTOVER_SPLIT)}
    found = encoding.tokenize(tables, known, settings.model.base, workspace.base, settings.tokenize_pad)
    for name, table in found.tables.items():
        tokens.save(workspace.split_tokens(name), table)
    files.write_json(
        workspace.tokens_metrics, {f"{name}_truncated": share for name, share in found.truncated.items()}
    )


if __name__ == "__main__":
    command.run_stage(main)
