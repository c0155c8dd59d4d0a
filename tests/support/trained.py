"""Workspaces with a small classifier, as training and evaluation leave them."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from spampipe.classifiers import decision
from spampipe.classifiers.decision import Decision
from spampipe.classifiers.settings import ModelParams
from spampipe.core.workspace import Workspace
from spampipe.data import labels
from spampipe.data.labels import EVEN, LabelSet
from spampipe.models import checkpoint
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.families.gpt2 import FAMILY
from tests.support.tiny_models import GPT2, randomize

MODEL = {
    "name": "gpt2-tiny",
    "revision": None,
    "weights": "random",
    "trainable": "all",
    "position": "last_real",
    "causal": True,
    "dropout": 0.0,
    "prompt_template": "prompts/question.yaml",
    "prompt_shots": 0,
    "prompt_calibrate": False,
}


def with_small_base(folder: Path, gpt2_base: Path, patch: pytest.MonkeyPatch, **shape: int) -> Workspace:
    """A folder with the tokenizer of a base model of two small layers, under a name that the card may have.

    Args:
        folder: becomes the workspace.
        gpt2_base: has the tokenizer.
        patch: takes the small model back after the test.
        shape: sizes of the model that are not GPT2's.
    """
    config = replace(GPT2, vocabulary_size=50257, num_layers=2, **shape)
    patch.setitem(BASE_MODELS, "gpt2-tiny", replace(BASE_MODELS["gpt2-tiny"], config=config))
    workspace = Workspace(folder)
    workspace.base.mkdir(parents=True)
    shutil.copy(FAMILY.tokenizer_path(gpt2_base), FAMILY.tokenizer_path(workspace.base))
    return workspace


def save(
    workspace: Workspace,
    names: LabelSet,
    max_length: int = 16,
    threshold: float = EVEN,
    base: Path | None = None,
    **model: str,
) -> None:
    """Write the files of a classifier whose tensors are random.

    Args:
        workspace: where they are written.
        names: the label set.
        max_length: tokens that a text is cut to.
        threshold: of the decision.
        base: the folder of the base model; None for the workspace's.
        model: settings of `model` that are not MODEL's.
    """
    settings = ModelParams.model_validate(MODEL | model)
    card = checkpoint.describe(settings, names, max_length, "fp32", base or workspace.base)
    made = checkpoint.create(card, 1, 0.0, torch.device("cpu"), base or workspace.base)
    randomize(made.network, 1)
    checkpoint.save(made.network, card, workspace.classifier_weights, workspace.classifier_card)
    decision.save(workspace.decision, Decision(threshold=threshold))
    labels.save(workspace.labels, names)
