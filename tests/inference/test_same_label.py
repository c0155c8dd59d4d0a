"""A text gets the same label at every door: in training, evaluation, from Python and from the command."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import spampipe
from spampipe import cli, params
from spampipe.classifiers import decision
from spampipe.classifiers.decision import Decision
from spampipe.core import environment
from spampipe.core.errors import ParamsError
from spampipe.core.workspace import Workspace
from spampipe.data import tokens
from spampipe.data.calibration import temper
from spampipe.data.labels import EVEN, LabelSet, decide
from spampipe.data.tokens import TokenTable
from spampipe.evaluation.scored import judged
from spampipe.inference import prediction
from spampipe.models import checkpoint
from spampipe.models.card import load_card
from spampipe.models.compute import chosen_device
from spampipe.models.families.gpt2 import FAMILY
from spampipe.models.frozen_trunk import Model
from spampipe.tracking import serving
from spampipe.training import measures
from spampipe.training.examples import TokenExamples
from stages import balance, baseline, download, evaluate, split, tokenize_pad, train
from tests.support import trained
from tests.support.label_sets import TWO
from tests.support.project import ROOT, place_inputs
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


def test_every_door_divides_by_the_temperature(tmp_path, gpt2_base):
    workspace = workspace_of(tmp_path, gpt2_base, TWO, EVEN)
    raw = prediction.load(workspace).probabilities(TEXTS)
    tempered = temper(raw, 2.5)
    threshold = float(np.sort(tempered[:, 1])[[2, 3]].mean())
    assert (tempered[:, 1] >= threshold).sum() != (raw[:, 1] >= threshold).sum()
    decision.save(workspace.decision, Decision(threshold=threshold, temperature=2.5))
    expected = TWO.names_of(decide(tempered, TWO, threshold)).tolist()
    loaded = prediction.load(workspace)
    np.testing.assert_allclose(loaded.probabilities(TEXTS), tempered, atol=1e-6)
    np.testing.assert_allclose([found.probability for found in loaded.classify(TEXTS)], tempered[:, 1], atol=1e-6)
    assert answered(workspace) == printed(workspace) == expected
    served = serving.ServedModel(workspace).predict(TEXTS)
    assert served["label"].tolist() == expected
    np.testing.assert_allclose(served["probability"], tempered[:, 1], atol=1e-6)


CHOSEN = {
    "model.name": "tfidf-logistic",
    "evaluate.threshold": {"max_false_positive_rate": 0.05},
    "evaluate.temperature": "validation",
}


def test_what_is_chosen_on_validation_is_the_same_at_every_door(tmp_path, monkeypatch):
    """From the stages to the served model; and the baseline, whose linear model is the same, chooses the same."""
    monkeypatch.setenv(environment.TRACKING, "off")
    workspace, settings = Workspace(tmp_path), params.load(ROOT / "params.yaml").changed(CHOSEN)
    workspace.params.write_text(yaml.safe_dump(json.loads(settings.model_dump_json())))
    place_inputs(tmp_path)
    download.main(workspace)
    few = workspace.raw_messages.read_bytes().splitlines(keepends=True)[:2500]
    workspace.raw_messages.write_bytes(b"".join(few))
    for stage in (balance, split, tokenize_pad, train, evaluate, baseline):
        stage.main(workspace)
    predictions = pd.read_csv(workspace.predictions, keep_default_na=False)
    predictions = predictions[predictions["split"].isin(["validation", "test"])]
    validation = predictions[(predictions["split"] == "validation") & (predictions["label"] == "ham")]
    assert 0 < (validation["predicted"] == "spam").mean() <= 0.05
    chosen = decision.load(workspace.decision)
    assert chosen.temperature != 1 and chosen.threshold != EVEN
    texts = predictions["text"].tolist()
    found = prediction.load(workspace).classify(texts, progress=False)
    assert [each.label for each in found] == predictions["predicted"].tolist()
    np.testing.assert_allclose([each.probability for each in found], predictions["probability"], rtol=1e-6)
    assert serving.ServedModel(workspace).predict(texts)["label"].tolist() == predictions["predicted"].tolist()
    beside = pd.read_csv(workspace.baseline_predictions, keep_default_na=False)
    for name, own in predictions.groupby("split"):
        rows = beside[beside["split"] == name]
        assert rows["text"].tolist() == own["text"].tolist()
        assert rows["tfidf-logistic"].tolist() == own["predicted"].tolist(), name


def test_what_python_trains_chooses_and_keeps_the_same(tmp_path, raw_messages):
    rows = [line.split("\t", 1) for line in raw_messages.read_text(encoding="utf-8").splitlines()[:1500]]
    labels, texts = [row[0] for row in rows], [row[1] for row in rows]
    settings = params.load(ROOT / "params.yaml").changed(CHOSEN)
    run = spampipe.train(texts, labels, params=settings)
    assert run.classifier.temperature != 1
    run.save(tmp_path)
    loaded = spampipe.load(tmp_path)
    assert (loaded.threshold, loaded.temperature) == (run.classifier.threshold, run.classifier.temperature)
    again = loaded.classify(run.predictions["text"].tolist(), progress=False)
    assert [each.label for each in again] == run.predictions["predicted"].tolist()
    assert json.loads(Workspace(tmp_path).decision.read_text())["temperature"] == loaded.temperature


def test_a_rule_for_labels_without_a_positive_one_is_refused_before_work():
    settings = params.load(ROOT / "params.yaml").changed(CHOSEN)
    with pytest.raises(ParamsError, match=r"^evaluate\.threshold: no label of a, b, c is the positive one, [^\n]*$"):
        spampipe.train(["x", "y", "z"], ["a", "b", "c"], params=settings)


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
