"""Deal the balanced messages into train, validation and test, and count what test texts were seen in train."""

from spampipe import params
from spampipe.core import command, files
from spampipe.core.workspace import Workspace
from spampipe.data import labels, leakage, messages, splitting


def main(workspace: Workspace) -> None:
    """Write data/splits/*.csv and reports/split/."""
    settings = params.load(workspace.params)
    label_set = labels.load(workspace.labels)
    balanced = messages.read(workspace.balanced, label_set)
    splits = splitting.deal(balanced, label_set, settings.split)
    counts = leakage.count(splits, label_set, settings.split.near_threshold)
    shares = leakage.shares(counts, label_set)
    for name, part in splits.items():
        messages.write(workspace.split_csv(name), part)
    files.write_csv(workspace.leakage, counts)
    files.write_json(workspace.leakage_metrics, shares)
    leakage.warn_of_much(shares)


if __name__ == "__main__":
    command.run_stage(main)
