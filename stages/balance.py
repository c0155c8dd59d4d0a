"""Even out the classes."""

from spampipe import params
from spampipe.core import command, paths
from spampipe.core.workspace import Workspace
from spampipe.data import balancing, messages


def main(workspace: Workspace) -> None:
    """Write data/balanced.csv, and what was left out to data/leftover.csv."""
    settings = params.load(workspace.params).balance
    collection = messages.parse(paths.RAW_MESSAGES.read_bytes(), paths.RAW_MESSAGES)
    balanced, leftover = balancing.balance(collection, settings.strategy, settings.seed)
    messages.write(paths.BALANCED, balanced)
    messages.write(paths.LEFTOVER, leftover)


if __name__ == "__main__":
    command.run_stage(main)
