"""Workspaces with a small classifier, as training and evaluation leave them."""

import torch

from spampipe.classifiers import decision
from spampipe.classifiers.decision import Decision
from spampipe.classifiers.settings import ModelParams
from spampipe.core.workspace import Workspace
from spampipe.data import labels
from spampipe.data.labels import EVEN, LabelSet
from spampipe.models import checkpoint
from tests.support.tiny_models import randomize

MODEL = {
    "name": "gpt2-tiny",
    "weights": "random",
    "trainable": "all",
    "position": "last_real",
    "causal": True,
    "dropout": 0.0,
}


def save(workspace: Workspace, names: LabelSet, max_length: int = 16, threshold: float = EVEN, **model: str) -> None:
    """Write the files of a classifier whose tensors are random, beside a base model that is there already.

    Args:
        workspace: has the base model.
        names: the label set.
        max_length: tokens that a text is cut to.
        threshold: of the decision.
        model: settings of `model` that are not MODEL's.
    """
    settings = ModelParams.model_validate(MODEL | model)
    card = checkpoint.describe(settings, names, max_length, "fp32", workspace.base)
    made = checkpoint.create(card, 1, 0.0, torch.device("cpu"), workspace.base)
    randomize(made.network, 1)
    checkpoint.save(made.network, card, workspace.classifier_weights, workspace.classifier_card)
    decision.save(workspace.decision, Decision(threshold=threshold))
    labels.save(workspace.labels, names)
