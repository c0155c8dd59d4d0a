"""What models that cost next to nothing make of the messages: the stage by itself, with scikit-learn as the judge."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, f1_score

from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.data import labels, messages
from spampipe.data.labels import LabelSet
from stages import baseline
from tests.support.project import ROOT

TWO = LabelSet(names=("ham", "spam"), positive="spam")
THREE = LabelSet(names=("dinner", "prize", "meeting"), positive=None)
STARTS = ("see you at dinner {}", "claim your prize {}", "agenda of meeting {}")
SHARES = {"train": (40, 20, 10), "validation": (6, 4, 2), "test": (9, 8, 7)}


@pytest.fixture
def workspace(tmp_path: Path, request: pytest.FixtureRequest) -> Workspace:
    """The splits of a label set; some texts bear a wrong label, and train has more of the first label."""
    known, left_over = request.param
    found = Workspace(tmp_path)
    shutil.copyfile(ROOT / "params.yaml", found.params)
    labels.save(found.labels, known)
    for number, (name, counts) in enumerate(SHARES.items()):
        rows = [(k, STARTS[k].format(n + 100 * number)) for k in range(len(known)) for n in range(counts[k])]
        table = pd.DataFrame(rows, columns=list(messages.COLUMNS)).astype(messages.COLUMNS)
        table.loc[::7, "Label"] = 1
        messages.write(found.split_csv(name), table)
    rest = [(0, STARTS[0].format(n)) for n in range(900, 900 + left_over)]
    messages.write(
        found.leftover, pd.DataFrame(rows[:0] + rest, columns=list(messages.COLUMNS)).astype(messages.COLUMNS)
    )
    return found


def outcome(workspace: Workspace) -> tuple[dict[str, dict[str, float | None]], pd.DataFrame]:
    """Figures, and answers side by side."""
    baseline.main(workspace)
    return json.loads(workspace.baseline_metrics.read_text()), pd.read_csv(workspace.baseline_predictions)


@pytest.mark.parametrize("workspace", [(TWO, 40), (THREE, 0)], ids=["two", "three"], indirect=True)
def test_figures_are_those_of_the_answers(workspace: Workspace) -> None:
    figures, answers = outcome(workspace)
    known = labels.load(workspace.labels)
    assert list(figures) == ["majority", "tfidf-logistic", "tfidf-svm"] == list(answers.columns[4:])
    tables = {name: messages.read(workspace.split_csv(name), known) for name in (*SPLITS, LEFTOVER_SPLIT)}
    for name in ("validation", "test", LEFTOVER_SPLIT):
        rows = answers[answers["split"] == name]
        assert rows["text"].tolist() == tables[name]["Text"].tolist()
        assert rows["label"].tolist() == list(known.names_of(tables[name]["Label"].to_numpy()))
    test, validation, left = (answers[answers["split"] == name] for name in ("test", "validation", LEFTOVER_SPLIT))
    for model, values in figures.items():
        assert values["test_accuracy"] == accuracy_score(test["label"], test[model])
        assert values["validation_accuracy"] == accuracy_score(validation["label"], validation[model])
        if known.positive:
            score = f1_score(test["label"], test[model], pos_label="spam", zero_division=0)
            assert values["test_f1"] == pytest.approx(score)
            assert values["leftover_false_positive_rate"] == (left[model] == "spam").mean()
        else:
            score = f1_score(test["label"], test[model], average="macro", zero_division=0)
            assert values["test_macro_f1"] == pytest.approx(score)
            assert not {"test_f1", "leftover_false_positive_rate"} & set(values)
    dummy = DummyClassifier(strategy="most_frequent").fit(tables["train"]["Text"], tables["train"]["Label"])
    expected = known.names_of(dummy.predict(tables["test"]["Text"]))
    assert test["majority"].tolist() == list(expected)
    assert figures["tfidf-svm"]["test_accuracy"] > figures["majority"]["test_accuracy"]


@pytest.mark.parametrize("workspace", [(TWO, 40)], ids=["two"], indirect=True)
def test_the_threshold_and_the_weights_are_those_of_the_settings(workspace: Workspace) -> None:
    _, before = outcome(workspace)
    settings = workspace.params.read_text()
    workspace.params.write_text(settings.replace("threshold: 0.5", "threshold: 0.999"))
    _, strict = outcome(workspace)
    assert (strict["tfidf-svm"] == "spam").sum() < (before["tfidf-svm"] == "spam").sum()
    workspace.params.write_text(settings.replace("threshold: 0.5", "threshold: 0.2"))
    _, lax = outcome(workspace)
    assert set(lax["majority"]) == {"spam"}  # its share in train is above the threshold
    workspace.params.write_text(settings.replace("class_weights: none", "class_weights: balanced"))
    found = {weighted: probability_of_spam(workspace, balanced=weighted) for weighted in (False, True)}
    assert not np.array_equal(found[False], found[True])
    figures, _ = outcome(workspace)
    assert figures["tfidf-logistic"]["test_accuracy"] == ((found[True] >= 0.5) == actual(workspace)).mean()


def probability_of_spam(workspace: Workspace, *, balanced: bool) -> np.ndarray:
    known = labels.load(workspace.labels)
    tables = {name: messages.read(workspace.split_csv(name), known) for name in SPLITS}
    return baseline.scored(tables, known, balanced=balanced)["tfidf-logistic"]["test"][:, 1]


def actual(workspace: Workspace) -> np.ndarray:
    return messages.read(workspace.split_csv("test"), labels.load(workspace.labels))["Label"].to_numpy() == 1


@pytest.mark.parametrize("workspace", [(THREE, 0)], ids=["three"], indirect=True)
def test_a_second_run_writes_the_same_bytes(workspace: Workspace) -> None:
    outcome(workspace)
    before = workspace.baseline_metrics.read_bytes(), workspace.baseline_predictions.read_bytes()
    outcome(workspace)
    assert (workspace.baseline_metrics.read_bytes(), workspace.baseline_predictions.read_bytes()) == before
