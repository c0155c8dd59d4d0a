"""Fetch the raw messages and the base model, and check that the messages can be read."""

from spampipe import params
from spampipe.core import command
from spampipe.core.workspace import Workspace
from spampipe.data import collection, labels
from spampipe.data.tables import Columns
from spampipe.models import bases


def main(workspace: Workspace) -> None:
    """Write data/raw/ and models/base/."""
    settings = params.load(workspace.params)
    label_set = collection.fetch_messages(
        settings.download.dataset,
        workspace.raw_messages,
        workspace.root,
        columns=Columns(settings.download.text_column, settings.download.label_column),
        quoting=settings.download.quoting,
        names=settings.download.labels,
        known=bases.PINS,
    )
    labels.save(workspace.labels, label_set)
    bases.fetch_base(settings.model.base, workspace.base)


if __name__ == "__main__":
    command.run_stage(main)
