"""A text gets the same label at every door: in training, evaluation, from Python and from the command."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from spampipe import cli
from spampipe.classifiers import decision
from spampipe.classifiers.decision import Decision
from spampipe.core.workspace import Workspace
from spampipe.data import tokens
from spampipe.data.labels import EVEN, LabelSet
from spampipe.data.tokens import TokenTable
from spampipe.evaluation.scored import judged
from spampipe.inference import prediction
from spampipe.models import checkpoint
from spampipe.models.card import load_card
from spampipe.models.compute import chosen_device
from spampipe.models.families.gpt2 import FAMILY
from spampipe.models.frozen_trunk import Model
from spampipe.training import measures
from spampipe.training.examples import TokenExamples
from tests.support import trained
from tests.support.label_sets import TWO
from tests.support.scored import PETS

TEXTS = ["see you at 3", "WIN £1000 now", "ok", "free entry, call 090", "on my way home", "a cat and a dog"]
MAX_LENGTH = 16
POSITIVE_PET = LabelSet(names=PETS.names, positive="dog")
every_set = pytest.mark.parametrize("labels", [TWO, PETS, POSITIVE_PET], ids=["two", "three", "three, one positive"])


def workspace_of(folder: Path, base: Path, labels: LabelSet, threshold: float, truncate: str = "tail") -> Workspace:
    workspace = Workspace(folder)
    workspace.base.parent.mkdir(parents=True)
    workspace.base.symlink_to(base)
    trained.save(workspace, labels, MAX_LENGTH, threshold, truncate=truncate)
    return workspace


def model_of(workspace: Workspace) -> Model:
    card = load_card(workspace.classifier_card)
    return checkpoint.load(card, chosen_device(), workspace.classifier_weights, workspace.base)


def table_of(workspace: Workspace, labels: LabelSet, given: list[int]) -> TokenTable:
    rows = FAMILY.load_tokenizer(workspace.base).encode(TEXTS)
    return tokens.pad(rows, given, MAX_LENGTH, FAMILY.padding, labels)


def evaluated(workspace: Workspace, labels: LabelSet, threshold: float) -> list[str]:
    classifier, unknown = prediction.load(workspace), np.zeros(len(TEXTS), np.int64)
    found = classifier.probabilities(TEXTS, table_of(workspace, labels, unknown.tolist()), name="test")
    return labels.names_of(judged("test", TEXTS, unknown, found, labels, threshold).predicted).tolist()


def answered(workspace: Workspace, threshold: float | None = None) -> list[str]:
    return [found.label for found in prediction.load(workspace, threshold=threshold).classify(TEXTS)]


def printed(workspace: Workspace, *options: str) -> list[str]:
    """What the command answers, which is started in the workspace."""
    with contextlib.chdir(workspace.root), contextlib.redirect_stdout(io.StringIO()) as output:
        cli.main(["classify", "--json", *options, *TEXTS])
    return [json.loads(line)["label"] for line in output.getvalue().splitlines()]


def trained_as(workspace: Workspace, labels: LabelSet, expected: list[str]) -> bool:
    """Whether training would count all these labels as right."""
    given = [labels.names.index(name) for name in expected]
    model = model_of(workspace)
    examples = TokenExamples(model, table_of(workspace, labels, given))
    return measures.over_all(model.network, examples, "fp32").accuracy == 1


def positives(workspace: Workspace) -> list[float]:
    """The probabilities of the positive label, or of the first."""
    classifier = prediction.load(workspace)
    return sorted(classifier.probabilities(TEXTS)[:, classifier.labels.positive_index or 0].tolist())


@every_set
@pytest.mark.parametrize("threshold", [EVEN, 0.9, "exactly one of the probabilities"])
def test_every_door_gives_the_same_label(tmp_path, gpt2_base, labels, threshold):
    workspace = workspace_of(tmp_path, gpt2_base, labels, EVEN)
    by_training = answered(workspace)
    assert trained_as(workspace, labels, by_training)
    assert len(set(by_training)) > 1
    if isinstance(threshold, str):
        threshold = positives(workspace)[2]
    decision.save(workspace.decision, Decision(threshold=threshold))
    expected = evaluated(workspace, labels, threshold)
    assert answered(workspace) == printed(workspace) == expected
    if labels.positive is None:
        assert expected == by_training  # whatever the threshold
    else:
        decision.save(workspace.decision, Decision(threshold=0.123))
        assert answered(workspace, threshold) == expected
        assert printed(workspace, "--threshold", repr(threshold)) == expected
        assert expected.count(labels.positive) == sum(found >= threshold for found in positives(workspace))


def test_a_long_text_is_cut_by_one_rule_at_every_door(tmp_path, gpt2_base):
    """The part that stays, alone, has the probabilities of the whole."""
    long, kept = " ".join(f"w{n}" for n in range(60)), {}
    tokenizer = FAMILY.load_tokenizer(gpt2_base)
    (row,) = tokenizer.encode([long])
    for rule, ids in {"tail": row[:16], "head": row[-16:], "middle": [*row[:8], *row[-8:]]}.items():
        workspace = workspace_of(tmp_path / rule, gpt2_base, PETS, EVEN, rule)
        assert load_card(workspace.classifier_card).truncate == rule
        assert ("truncate" in workspace.classifier_card.read_text()) == (rule != "tail")
        classifier = prediction.load(workspace)
        alone = tokens.pad([ids], [0], MAX_LENGTH, FAMILY.padding, PETS)
        kept[rule] = classifier.probabilities([long])[0].tolist()
        assert kept[rule] == classifier.probabilities([""], alone, name="test")[0].tolist()
    assert len(set(map(tuple, kept.values()))) == 3


@every_set
def test_labels_that_are_equally_probable(tmp_path, gpt2_base, labels):
    """At 0.5 the positive one of two is given; else the first of the most probable ones."""
    workspace = workspace_of(tmp_path, gpt2_base, labels, EVEN)
    network, card = model_of(workspace).network, load_card(workspace.classifier_card)
    with torch.no_grad():
        for tensor in network.head.parameters():
            tensor.zero_()
    checkpoint.save(network, card, workspace.classifier_weights, workspace.classifier_card)
    assert len(set(positives(workspace))) == 1
    expected = ["spam" if labels is TWO else "cat"] * len(TEXTS)
    assert evaluated(workspace, labels, EVEN) == answered(workspace) == printed(workspace) == expected
    assert trained_as(workspace, labels, expected)
