"""The tables of reports/evaluate/, for two labels and for more."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.data.labels import LabelSet
from spampipe.evaluation import curves, readers, reliability, reports
from spampipe.evaluation.out_of_fold import OutOfFold
from spampipe.evaluation.scored import Evaluation, ScoredSplit, judged
from tests.support.label_sets import TWO
from tests.support.scored import PETS

TEXTS, LABELS = ["x", "y", "z"], np.array([1, 0, 1])
POSITIVE_PET = LabelSet(names=PETS.names, positive="dog")


def of_positive(probabilities: list[float], labels: np.ndarray, threshold: float = 0.5) -> ScoredSplit:
    """A split of two labels, by the probability of the positive one."""
    both = np.array([[1 - positive, positive] for positive in probabilities]).reshape(-1, 2)
    texts = [chr(ord("a") + number) for number in range(len(probabilities))]
    return judged("test", texts, labels, both, TWO, threshold)


@pytest.mark.parametrize(
    ("threshold", "predicted"),
    [(0.5, ["spam", "ham", "spam"]), (0.75, ["ham", "ham", "spam"]), (0.1, ["spam", "spam", "spam"])],
)
def test_probabilities_from_the_threshold_on_are_positive(threshold, predicted):
    table = reports.predictions("test", of_positive([0.5, 0.1, 0.75], LABELS, threshold), TWO)
    assert {column: str(kind) for column, kind in table.dtypes.items()} == reports.PREDICTION_COLUMNS
    assert table.to_dict("list") == {
        "split": ["test"] * 3,
        "row": [0, 1, 2],
        "text": ["a", "b", "c"],
        "label": ["spam", "ham", "spam"],
        "predicted": predicted,
        "probability": [0.5, 0.1, 0.75],
    }


@pytest.mark.parametrize("shape", [(0, 2), (2, 2), (4, 2), (3, 3)])
def test_probabilities_of_other_messages_are_refused(shape):
    found = f"^test: 3 messages of 2 labels, but probabilities of {shape[0]} messages and {shape[1]} labels; run `dvc"
    with pytest.raises(DataError, match=found):
        judged("test", TEXTS, LABELS, np.zeros(shape), TWO, 0.5)


@pytest.mark.parametrize("labels", [TWO, PETS, POSITIVE_PET])
def test_no_messages_make_an_empty_table(labels):
    split = judged("leftover", [], LABELS[:0], np.zeros((0, len(labels))), labels, 0.5)
    table = reports.predictions("leftover", split, labels)
    assert len(table) == 0
    assert {column: str(kind) for column, kind in table.dtypes.items()} == reports.prediction_columns(labels)


def of_pets(labels: LabelSet) -> ScoredSplit:
    probabilities = np.array([[0.4, 0.3, 0.3], [0.2, 0.6, 0.2], [0.1, 0.0, 0.9], [0.2, 0.5, 0.3]])
    return judged("test", list("abcd"), np.array([1, 1, 0, 2]), probabilities, labels, 0.5)


def test_without_a_positive_label_the_predicted_labels_probability_is_shown_and_every_labels():
    table = reports.predictions("test", of_pets(PETS), PETS)
    assert list(table.columns) == [*reports.PREDICTION_COLUMNS, *(f"probability_{name}" for name in PETS.names)]
    assert table["predicted"].tolist() == ["cat", "dog", "bird", "dog"]
    assert table["probability"].tolist() == [0.4, 0.6, 0.9, 0.5]
    assert table["probability_bird"].tolist() == [0.3, 0.2, 0.9, 0.3]


def test_with_a_positive_label_its_probability_is_shown_and_of_more_labels_every_ones():
    table = reports.predictions("test", of_pets(POSITIVE_PET), POSITIVE_PET)
    assert table["predicted"].tolist() == ["cat", "dog", "bird", "dog"]
    assert table["probability"].tolist() == table["probability_dog"].tolist() == [0.3, 0.6, 0.0, 0.5]


def mistaken_predictions() -> pd.DataFrame:
    labels = np.array([1, 0, 1, 0, 1])
    made = {"test": [0.3, 0.95, 0.9, 0.45, 0.02], "validation": [0.1, 0.1, 0.9, 0.1, 0.9]}
    tables = [reports.predictions(split, of_positive(made[split], labels, 0.4), TWO) for split in made]
    return pd.concat(tables, ignore_index=True)


def test_the_table_of_mistakes_names_labels():
    predictions = mistaken_predictions()
    mistakes = reports.misclassified(predictions)
    assert list(mistakes.columns) == list(reports.PREDICTION_COLUMNS)
    assert mistakes[["split", "text", "label", "predicted"]].to_numpy().tolist() == [
        ["test", "a", "spam", "ham"],
        ["test", "b", "ham", "spam"],
        ["test", "d", "ham", "spam"],
        ["test", "e", "spam", "ham"],
        ["validation", "a", "spam", "ham"],
    ]
    assert list(reports.misclassified(predictions[:0]).columns) == list(reports.PREDICTION_COLUMNS)


def test_mistakes_are_sorted_by_how_sure_the_model_was():
    predictions = mistaken_predictions()
    assert reports.confident_mistakes(predictions, "test", TWO)["text"].tolist() == ["e", "b", "a", "d"]
    assert reports.confident_mistakes(predictions, "validation", TWO)["text"].tolist() == ["a"]
    assert reports.confident_mistakes(predictions, "train", TWO).empty


@pytest.mark.parametrize("labels", [PETS, POSITIVE_PET])
def test_mistakes_among_three_labels_are_sorted_by_the_wrong_labels_probability(labels):
    table = reports.predictions("test", of_pets(labels), labels)
    mistakes = reports.confident_mistakes(table, "test", labels)
    assert mistakes["text"].tolist() == ["c", "d", "a"]  # 0.9, 0.5, 0.4; b is right
    assert reports.confident_mistakes(table, "train", labels).empty


@pytest.mark.parametrize("labels", [PETS, POSITIVE_PET])
def test_every_table_is_written_and_read_for_three_labels(labels, tmp_path: Path):
    split = of_pets(labels)
    empty = judged("leftover", [], LABELS[:0], np.zeros((0, 3)), labels, 0.5)
    found = Evaluation(labels, {"train": split, "validation": split, "test": split, "leftover": empty})
    workspace = Workspace(tmp_path)
    made = reports.tables(found, workspace)
    for path, table in made.items():
        files.write_csv(path, table)
    assert {path.name for path in workspace.evaluate_reports.iterdir()} == {path.name for path in made}
    predictions = readers.read_predictions(workspace.predictions, labels)
    pd.testing.assert_frame_equal(predictions, made[workspace.predictions].reset_index(drop=True))
    unknown = readers.read_predictions(workspace.predictions)
    assert list(unknown.columns) == list(reports.PREDICTION_COLUMNS)
    confusion = files.read_csv(workspace.confusion, reports.CONFUSION_COLUMNS)
    assert confusion.to_numpy().tolist() == [["dog", "cat"], ["dog", "dog"], ["cat", "bird"], ["bird", "dog"]]
    curve = files.read_csv(workspace.precision_recall, curves.precision_recall_columns(labels))
    assert len(curve) == (4 if labels.positive else 3 + 4 + 3)  # one row a distinct probability
    assert len(files.read_csv(workspace.misclassified, reports.prediction_columns(labels))) == 9


def test_what_is_probable_of_each_message_is_told_with_whether_the_answer_is_right():
    predictions = mistaken_predictions().query("split == 'test'")
    found = reports.probabilities(predictions, TWO)
    assert found["probability"].tolist() == predictions["probability"].tolist()
    assert found["right"].tolist() == [False, False, True, False, False]
    found = reports.probabilities(reports.predictions("test", of_pets(PETS), PETS), PETS)  # of dog, dog, cat, bird
    assert found["probability"].tolist() == [0.3, 0.6, 0.1, 0.3] and found["right"].tolist() == [
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("labels", [PETS, POSITIVE_PET])
def test_reliability_of_predictions_is_that_of_the_same_answers_out_of_fold(labels):
    split, rows = of_pets(labels), np.arange(4)
    found = OutOfFold(labels, rows, rows, rows, split.labels, split.predicted, split.probabilities)
    table = reliability.of_predictions(reports.predictions("test", split, labels), labels)
    pd.testing.assert_frame_equal(table, reliability.table(found))
