"""Even out the classes."""

from spampipe import params
from spampipe.core import command
from spampipe.core.workspace import Workspace
from spampipe.data import balancing, corrections, labels, messages


def main(workspace: Workspace) -> None:
    """Write data/balanced.csv, and what was left out to data/leftover.csv."""
    settings = params.load(workspace.params)
    known = labels.load(workspace.labels)
    raw = messages.parse(workspace.raw_messages.read_bytes(), workspace.raw_messages, known)
    raw = corrections.apply(raw, workspace.root / settings.balance.corrections, known)
    balancing.require_enough(raw, known, settings.balance.strategy)
    balanced, leftover = balancing.balance(raw, settings.balance.strategy, settings.balance.seed)
    messages.write(workspace.balanced, balanced)
    messages.write(workspace.leftover, leftover)


if __name__ == "__main__":
    command.run_stage(main)
