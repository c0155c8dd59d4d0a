"""The table of the experiments."""

from spampipe.results import experiments
from spampipe.results.experiments import Row

METRICS = {
    "test_accuracy": 293 / 300,
    "test_recall": 0.96,
    "leftover_false_positive_rate": 0.0176557,
    "validation_accuracy": None,
}
ROWS = [
    Row("main", "baseline", {}, METRICS),
    Row("tawny-rose-of-sharon", "", {"train.learning_rate": 0.0004, "model.trainable": "last_two_blocks"}, METRICS),
    Row("wild", "failed", {"train.group_by_length": True, "check.minimum.test_f1": None}, {}),
]


def test_a_table_fits_80_columns() -> None:
    assert experiments.text(ROWS, 80).splitlines() == [
        "experiment    changed                         test    test  leftover  validation",
        "                                          accuracy  recall     false    accuracy",
        "                                                            positive",
        "                                                                rate",
        "------------  --------------------------  --------  ------  --------  ----------",
        "main                                       0.97667    0.96  0.017656           -",
        "(baseline)",
        "tawny-rose-   train.learning_rate=0.0004   0.97667    0.96  0.017656           -",
        "of-sharon     model.trainable=last_two_b",
        "              locks",
        "wild          train.group_by_length=true         -       -         -           -",
        "(failed)      check.minimum.test_f1=-",
    ]


def test_a_wider_terminal_keeps_names_and_changes_in_one_line() -> None:
    lines = experiments.text(ROWS, 100).splitlines()
    assert max(map(len, lines)) <= 100
    assert "tawny-rose-of-sharon  train.learning_rate=0.0004" in lines[6]
    assert lines[7].strip() == "model.trainable=last_two_blocks"


def test_markdown_has_one_line_an_experiment() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in experiments.markdown(ROWS).splitlines()]
    assert rows[0] == ["experiment", "changed", *METRICS]
    assert rows[3][:2] == ["tawny-rose-of-sharon", "train.learning_rate=0.0004, model.trainable=last_two_blocks"]
    assert rows[4] == ["wild (failed)", "train.group_by_length=true, check.minimum.test_f1=-", *"----"]


def test_without_a_positive_label_the_means_over_the_labels_are_shown() -> None:
    figures = {"test_accuracy": 0.9, "test_macro_f1": 0.85, "test_recall_yes": 0.8, "validation_accuracy": 0.88}
    rows = [Row("main", "baseline", {}, figures), Row("later", "queued", {"train.seed": 1}, {})]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in experiments.markdown(rows).splitlines()]
    assert cells[0] == ["experiment", "changed", "test_accuracy", "test_macro_f1", "validation_accuracy"]
    assert cells[2:] == [
        ["main (baseline)", "", "0.9", "0.85", "0.88"],
        ["later (queued)", "train.seed=1", *"---"],
    ]
    assert experiments.text(rows, 80).splitlines()[-1].split() == ["later", "(queued)", "train.seed=1", *"---"]
