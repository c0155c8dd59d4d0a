"""The trained classifier of a workspace, ready to label new texts; what labels them is `TextClassifier.classify`."""

from pathlib import Path

from spampipe.classifiers import catalogue
from spampipe.classifiers.text_classifier import TextClassifier
from spampipe.core.errors import ParamsError
from spampipe.core.workspace import Workspace
from spampipe.data.labels import checked_threshold


def load(workspace: Workspace, base: Path | None = None, threshold: float | None = None) -> TextClassifier:
    """Load the classifier with its threshold.

    Example:
        classifier = prediction.load(Workspace())
        classifier.classify(["Hey, are we still up for dinner?"])[0].label

    Args:
        workspace: the workspace, which holds models/ as `dvc pull` brings it.
        base: the folder of the base model; None for the workspace's, or, if it has none, the user's cache.
        threshold: the positive label is given from this probability on; None for the classifier's own, which stands
            in models/decision.json.

    Raises:
        CheckpointError: a file is missing, damaged or not the one the classifier was trained with.
        ParamsError: the threshold is not between 0 and 1, or the classifier has no positive label.
    """
    if threshold is not None:
        checked_threshold(threshold)
    classifier = catalogue.load(workspace, base)
    if threshold is not None:
        if classifier.labels.positive is None:
            names = ", ".join(classifier.labels.names)
            raise ParamsError(
                f"threshold {threshold}: no label of {names} is the positive one; leave the threshold out"
            )
        classifier.threshold = threshold
    return classifier
