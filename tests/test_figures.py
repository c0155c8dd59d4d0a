"""Figures show what their tables say, and the same tables give the same bytes in every process."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from spampipe.data.labels import LabelSet
from spampipe.figures import answers, drawing, studies, training
from tests.support.label_sets import TWO
from tests.support.project import ROOT
from tests.support.scored import PETS

SIZE = (4.0, 3.0)
DOTS_PER_INCH = 50
STEPS = pd.DataFrame(
    {
        "epoch": [0.5, 1.0, 1.5, 2.0],
        "examples_seen": [60, 120, 180, 240],
        "train_loss": [2.0, 1.0, 0.5, 0.25],
        "validation_loss": [2.5, 1.5, 1.0, 0.75],
    }
)
CONFUSION = pd.DataFrame(
    {
        "actual": ["spam"] * 5 + ["ham"] * 7,
        "predicted": ["spam"] * 4 + ["ham"] + ["spam"] * 2 + ["ham"] * 5,
    }
)
PET_CONFUSION = pd.DataFrame({"actual": ["dog", "dog", "cat"], "predicted": ["dog", "cat", "dog"]})  # no bird
PET_CURVES = pd.DataFrame(
    {
        "label": ["cat", "cat", "dog", "dog", "bird"],
        "recall": [0.5, 1.0, 0.25, 1.0, 1.0],
        "precision": [1.0, 0.5, 1.0, 0.7, 0.95],
    }
)
EPOCHS = pd.DataFrame(
    {
        "epoch": [1.0, 2.0, 3.0],
        "examples_seen": [120, 240, 360],
        "train_loss": [0.5, 0.2, 0.1],
        "validation_loss": [0.6, 0.4, 0.5],
        "kept": [0, 0, 1],
    }
)
LEARNING = pd.DataFrame(
    [
        ("linear", 16, 60.0, 50.0, 70.0),
        ("linear", 70, 90.0, 85.0, 95.0),
        ("network", 16, 50.0, np.nan, np.nan),
        ("asked", 0, 40.0, 30.0, 50.0),
    ],
    columns=["label", "training_messages", "value", "low", "high"],
)
PROBABILITIES = pd.DataFrame(
    {"probability": [0.0, 0.01, 0.98, 0.99, 1.0, 0.97], "right": [True, True, True, True, True, False]}
)
RELIABILITY = pd.DataFrame({"mean_probability": [0.01, 0.99], "share": [0.05, 0.95], "count": [120, 90]})
CURVE = pd.DataFrame({"recall": [0.25, 0.5, 1.0], "precision": [1.0, 0.9, 0.5]})


def _loss() -> Figure:
    return training.against_epochs(STEPS, "Loss", ("train_loss", "validation_loss"), SIZE)


def _epochs() -> Figure:
    return training.turning_point(EPOCHS, SIZE)


def _confusion() -> Figure:
    return answers.confusion_matrix(CONFUSION, TWO, SIZE)


def _precision_recall() -> Figure:
    return answers.precision_recall(CURVE, SIZE)


def _probabilities() -> Figure:
    return answers.probabilities(PROBABILITIES, "Probability of spam", SIZE)


def _reliability() -> Figure:
    return answers.reliability(RELIABILITY, "Probability of spam", SIZE)


def _confusion_of_pets() -> Figure:
    return answers.confusion_matrix(PET_CONFUSION, PETS, SIZE)


def _precision_recall_of_pets() -> Figure:
    return answers.precision_recall(PET_CURVES, SIZE)


def _learning_curve() -> Figure:
    return studies.learning_curve(LEARNING, "Accuracy, %", SIZE)


FIGURES = {
    "loss": _loss,
    "epochs": _epochs,
    "confusion": _confusion,
    "precision_recall": _precision_recall,
    "probabilities": _probabilities,
    "reliability": _reliability,
    "pets_confusion": _confusion_of_pets,
    "pets_precision_recall": _precision_recall_of_pets,
    "learning_curve": _learning_curve,
}


def save_all(folder: Path) -> None:
    for name, draw in FIGURES.items():
        drawing.save(draw(), folder / name, DOTS_PER_INCH)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> dict[str, bytes]:
    """The bytes of each file, by name."""
    folder = tmp_path_factory.mktemp("figures")
    save_all(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_two_processes_write_the_same_bytes(saved, tmp_path):
    program = "import pathlib, sys; from tests import test_figures; test_figures.save_all(pathlib.Path(sys.argv[1]))"
    # SOURCE_DATE_EPOCH stands for another day: it is the time that matplotlib would note.
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1", "PYTHONHASHSEED": "1"}
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True, cwd=ROOT, env=environment)
    assert set(saved) == {f"{name}.{suffix}" for name in FIGURES for suffix in ("png", "pdf")}
    for name, data in saved.items():
        assert (tmp_path / name).read_bytes() == data, name


@pytest.mark.parametrize("name", FIGURES)
def test_pdf_holds_no_date(saved, name):
    data = saved[f"{name}.pdf"]
    assert data.startswith(b"%PDF-")
    assert b"/Producer" in data  # so what the file says of itself can be read, and a date would be found
    assert b"Date" not in data


def test_png_has_the_wanted_size(saved, tmp_path):
    path = tmp_path / "loss.png"
    path.write_bytes(saved["loss.png"])
    assert matplotlib.image.imread(path).shape[:2] == (SIZE[1] * DOTS_PER_INCH, SIZE[0] * DOTS_PER_INCH)


def test_curves_are_the_tables_columns():
    (axes,) = _loss().axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Epochs", "Loss")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Training", "Validation"]
    for line, column in zip(axes.get_lines(), ("train_loss", "validation_loss"), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), STEPS["epoch"])
        np.testing.assert_array_equal(line.get_ydata(), STEPS[column])


def test_the_lowest_and_the_kept_epoch_are_marked():
    (axes,) = _epochs().axes
    train, validation, lowest, kept = axes.get_lines()
    np.testing.assert_array_equal(train.get_ydata(), EPOCHS["train_loss"])
    np.testing.assert_array_equal(validation.get_ydata(), EPOCHS["validation_loss"])
    assert (list(lowest.get_xdata()), list(lowest.get_ydata())) == ([2.0], [0.4])
    assert set(kept.get_xdata()) == {3.0}
    shown = [text.get_text() for text in axes.get_legend().get_texts()]
    assert shown == ["Training", "Validation", "Lowest: epoch 2", "Kept: epoch 3"]


@pytest.mark.parametrize("rows", [0, 3])
def test_a_classifier_without_losses_has_nothing_to_mark(rows, tmp_path):
    table = EPOCHS.assign(train_loss=np.nan, validation_loss=np.nan)[:rows]
    figure = training.turning_point(table, SIZE)
    assert len(figure.axes[0].get_lines()) == 2
    drawing.save(figure, tmp_path / "epochs", DOTS_PER_INCH)


def test_second_axis_counts_the_examples_seen():
    figure = _loss()
    figure.draw_without_rendering()
    (axes,) = figure.axes
    (top,) = axes.child_axes
    assert top.get_xlabel() == "Examples seen"
    np.testing.assert_allclose(top.get_xlim(), np.array(axes.get_xlim()) * 120)
    # A count stands straight above the epoch that it was reached at.
    for epoch, seen in zip(STEPS["epoch"], STEPS["examples_seen"], strict=True):
        assert top.transData.transform((seen, 0))[0] == pytest.approx(axes.transData.transform((epoch, 0))[0])


def test_a_learning_curve_has_a_line_a_contender_told_apart_without_colour():
    figure = _learning_curve()
    (axes,), (legend,) = figure.axes, figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["linear", "network", "asked"]
    assert (axes.get_xscale(), axes.get_ylabel()) == ("log", "Accuracy, %")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["16", "70"]
    lines = {line.get_label(): line for line in axes.get_lines()}
    np.testing.assert_allclose(
        lines["linear"].get_xdata().tolist(), [16, 70], rtol=0.2
    )  # moved, so that bars stand apart
    np.testing.assert_array_equal(lines["linear"].get_ydata(), [60, 90])
    bars = axes.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose([bar[:, 1] for bar in bars], [[50, 70], [85, 95]])
    assert set(lines["asked"].get_ydata()) == {40}
    marks = [(lines[name].get_marker(), lines[name].get_linestyle()) for name in ("linear", "network", "asked")]
    assert len(set(marks)) == 3


def test_confusion_matrix_counts_each_pair_of_labels():
    (axes,) = _confusion().axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Predicted", "Actual")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["ham", "spam"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["ham", "spam"]
    shown = {text.get_position(): text.get_text() for text in axes.texts}  # (column, row)
    assert shown == {(0, 0): "5", (1, 0): "2", (0, 1): "1", (1, 1): "4"}
    np.testing.assert_array_equal(axes.images[0].get_array(), [[5, 2], [1, 4]])


def test_precision_is_drawn_against_recall():
    (axes,) = _precision_recall().axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Recall", "Precision")
    (line,) = axes.get_lines()
    np.testing.assert_array_equal(line.get_xdata(), CURVE["recall"])
    np.testing.assert_array_equal(line.get_ydata(), CURVE["precision"])
    bottom, top = axes.get_ylim()
    assert bottom < CURVE["precision"].min()
    assert top > CURVE["precision"].max()


def test_right_and_wrong_answers_are_counted_apart_by_probability():
    (axes,) = _probabilities().axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Right (5)", "Wrong (1)"]
    right, wrong = ([bar.get_height() for bar in bars] for bars in axes.containers)
    assert right == [2, *[0] * 18, 3] and wrong == [*[0] * 19, 1]
    assert (axes.get_xlabel(), axes.get_xlim()) == ("Probability of spam", (0, 1))


def test_the_share_that_holds_true_is_drawn_against_the_probability():
    (axes,) = _reliability().axes
    ideal, bins = axes.get_lines()
    assert list(ideal.get_xdata()) == list(ideal.get_ydata()) == [0, 1]
    np.testing.assert_array_equal(bins.get_xdata(), RELIABILITY["mean_probability"])
    np.testing.assert_array_equal(bins.get_ydata(), RELIABILITY["share"])
    assert [text.get_text() for text in axes.texts] == ["120", "90"]


def test_a_confusion_matrix_has_a_row_for_every_label_in_their_order():
    (axes,) = _confusion_of_pets().axes
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [tick.get_text() for tick in ticks] == ["cat", "dog", "bird"]
    np.testing.assert_array_equal(axes.images[0].get_array(), [[0, 1, 0], [1, 1, 0], [0, 0, 0]])
    assert len(axes.texts) == 9


def test_labels_may_be_any_text(tmp_path):
    labels = LabelSet(names=("$x", "a$\\no_math$", "ü & <b>"), positive=None)
    table = pd.DataFrame({"actual": labels.names, "predicted": labels.names})
    curve = pd.DataFrame({"label": labels.names, "recall": 1.0, "precision": 1.0})
    for number, figure in enumerate(
        (answers.confusion_matrix(table, labels, SIZE), answers.precision_recall(curve, SIZE))
    ):
        drawing.save(figure, tmp_path / str(number), DOTS_PER_INCH)
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("count", [5, 20, 50])
def test_many_labels_do_not_overlap(count):
    labels = LabelSet(names=tuple(f"a long label {number}" for number in range(count)), positive=None)
    table = pd.DataFrame({"actual": labels.names * 40, "predicted": labels.names * 40})
    figure = answers.confusion_matrix(table, labels, (6.0, 4.0))
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    (axes,) = figure.axes
    for texts in (axes.get_xticklabels(), axes.get_yticklabels(), axes.texts[:count]):
        boxes = [text.get_window_extent(renderer) for text in texts]
        assert not any(first.overlaps(second) for first, second in itertools.pairwise(boxes))


def test_each_label_has_its_own_curve():
    (axes,) = _precision_recall_of_pets().axes
    lines = axes.get_lines()
    assert [line.get_label() for line in lines] == ["cat", "dog", "bird"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["cat", "dog", "bird"]
    np.testing.assert_array_equal(lines[1].get_xdata(), [0.25, 1.0])
    np.testing.assert_array_equal(lines[1].get_ydata(), [1.0, 0.7])
    assert len({line.get_color() for line in lines}) == 3


@pytest.mark.parametrize("count", [3, 10, 11, 50])
def test_each_of_many_labels_has_a_curve_that_the_legend_tells_apart(count):
    names = [f"a long label {number}" for number in range(count)]
    curve = pd.DataFrame(
        {"label": np.repeat(names, 2), "recall": [0.5, 1.0] * count, "precision": [1.0, 0.9] * count}
    )
    figure = answers.precision_recall(curve, (6.0, 4.0))
    (axes,) = figure.axes
    styles = {(line.get_color(), line.get_linestyle()) for line in axes.get_lines()}
    assert len(styles) == min(count, 40)
    legend = axes.get_legend() or figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == names
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    outer, drawn = figure.bbox, legend.get_window_extent(renderer)
    assert outer.x0 <= drawn.x0 < drawn.x1 <= outer.x1 and outer.y0 <= drawn.y0 < drawn.y1 <= outer.y1
    assert axes.get_window_extent(renderer).width > outer.width / 4
