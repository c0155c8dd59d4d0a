"""Deal the balanced messages into train, validation and test."""

from spampipe import params
from spampipe.core import command
from spampipe.core.workspace import Workspace
from spampipe.data import labels, messages, splitting


def main(workspace: Workspace) -> None:
    """Write data/splits/*.csv."""
    settings = params.load(workspace.params)
    label_set = labels.load(workspace.labels)
    balanced = messages.read(workspace.balanced, label_set)
    for name, part in splitting.deal(balanced, label_set, settings.split).items():
        messages.write(workspace.split_csv(name), part)


if __name__ == "__main__":
    command.run_stage(main)
