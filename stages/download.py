"""Fetch the raw messages and the base model, and check that the messages can be read."""

from spampipe import params
from spampipe.core import command, paths
from spampipe.core.workspace import Workspace
from spampipe.data import collection
from spampipe.models import bases


def main(workspace: Workspace) -> None:
    """Write data/raw/messages.tsv and models/base/."""
    settings = params.load(workspace.params)
    dataset, quoting = settings.download.dataset, settings.download.quoting
    collection.fetch_messages(dataset, paths.RAW_MESSAGES, quoting=quoting, known=bases.PINS)
    bases.fetch_base(settings.model.name, settings.model.weights, paths.BASE)


if __name__ == "__main__":
    command.run_stage(main)
