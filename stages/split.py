"""Deal the balanced messages into train, validation and test."""

from spampipe import params
from spampipe.core import command, paths
from spampipe.core.workspace import Workspace
from spampipe.data import messages, splitting


def main(workspace: Workspace) -> None:
    """Write data/splits/*.csv."""
    settings = params.load(workspace.params).split
    balanced = messages.read(paths.BALANCED)
    for name, part in splitting.split(balanced, **settings.model_dump()).items():
        messages.require_both_classes(part, paths.split_csv(name))
        messages.write(paths.split_csv(name), part)


if __name__ == "__main__":
    command.run_stage(main)
