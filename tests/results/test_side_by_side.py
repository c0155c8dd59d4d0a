"""Any number of contenders side by side: how they are read, and what is said of them."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from spampipe import cli
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.crossvalidation import outputs
from spampipe.crossvalidation.running import Outcome
from spampipe.data.labels import LabelSet
from spampipe.evaluation import filter_metrics, out_of_fold, reports
from spampipe.evaluation.intervals import Interval
from spampipe.evaluation.out_of_fold import OutOfFold
from spampipe.params import CrossvalidateParams
from spampipe.results import contender, side_by_side
from spampipe.results.contender import Contender
from tests.support.cross_validated import noisy
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT
from tests.support.scored import scored

FIRST_POSITIVE = LabelSet(names=("spam", "ham"), positive="spam")
EACH_ALONE = CrossvalidateParams(folds=2, seed=1, group_duplicates="none", near_threshold=0.5)


def contenders(*signals: float, label_set: LabelSet = TWO) -> list[Contender]:
    """Contenders that are right the more often, the higher their signal is."""
    answers = [noisy(240, seed, signal, label_set) for seed, signal in enumerate(signals)]
    return [Contender(f"number {place}", each, {"f1": Interval(0.5)}) for place, each in enumerate(answers)]


def rows_of(text: str) -> dict[str, list[str]]:
    """The cells of each row by its first."""
    return {cells[0]: cells[1:] for line in text.splitlines() if len(cells := re.split(r" {2,}", line)) > 1}


def test_a_large_difference_is_beyond_chance_and_none_is_not() -> None:
    first, good = contenders(0.0, 4.0)
    text = side_by_side.text([first, good, replace(first, title="the same")], 0.05)
    assert text.startswith("A  number 0\nB  number 1\nC  the same\n\nmetric")
    more = int(good.answers.right.sum() - first.answers.right.sum())
    flat = " ".join(text.split())
    counts = f"of 240 ({good.answers.right.sum()}, A {first.answers.right.sum()})"
    assert f"B beside A: {more} more right {counts}: better beyond chance" in flat
    same = f"of 240 ({first.answers.right.sum()}, A {first.answers.right.sum()})"
    assert f"C beside A: as many right {same}: no difference" in flat
    assert "B beside A, better beyond chance: false_negative_rate_at_fpr_0.001" in flat  # fewer are better there
    assert "C beside A, no difference beyond chance: false_negative_rate_at_fpr_0.001, " in flat
    assert "corrected by Holm for 2 contenders, and beyond chance is less than 0.05 (check.significance)" in flat
    worse = " ".join(side_by_side.text([good, first], 0.05).split())
    assert f"B beside A: {more} fewer right" in worse and ": worse beyond chance" in worse
    assert "B beside A, worse beyond chance: false_negative_rate_at_fpr_0.001, " in worse


def test_p_values_are_of_both_sides_and_corrected_for_the_number_of_contenders() -> None:
    found = contenders(1.0, 1.3, 1.5)
    rows = rows_of(side_by_side.text(found, 0.05, "accuracy"))
    expected = []
    for other in found[1:]:
        gained = int((other.answers.right & ~found[0].answers.right).sum())
        lost = int((found[0].answers.right & ~other.answers.right).sum())
        expected.append(binomtest(gained, gained + lost).pvalue)
    shown = [rows[f"{letter} - A: messages right"] for letter in "BC"]
    assert [float(cells[-2]) for cells in shown] == pytest.approx(expected, abs=0.0006)
    smaller, larger = sorted(expected)
    corrected = {smaller: min(1.0, 2 * smaller), larger: max(min(1.0, 2 * smaller), larger)}
    assert [float(cells[-1]) for cells in shown] == pytest.approx([corrected[p] for p in expected], abs=0.0006)


def test_a_metric_can_be_chosen_also_by_the_pipelines_name() -> None:
    found = contenders(1.0, 3.0)
    by_name = side_by_side.text(found, 0.05, "recall")
    assert side_by_side.text(found, 0.05, "test_recall") == by_name
    assert [name for name in rows_of(by_name) if name.startswith("B - A")] == [
        "B - A: recall",
        "B - A: messages right",
    ]
    with pytest.raises(DataError, match="recal: no metric of these labels; did you mean recall"):
        side_by_side.text(found, 0.05, "recal")
    several = contenders(1.0, 3.0, label_set=THREE)
    assert "B - A: macro_f1" in rows_of(side_by_side.text(several, 0.05))
    with pytest.raises(DataError, match="27 results are more than a table has room for; compare 26 at most"):
        side_by_side.text([found[0]] * 27, 0.05)


def test_settings_that_differ_are_shown_and_values_with_their_intervals() -> None:
    first, second = contenders(1.0, 1.0)
    both = {"train.seed": 1, "model.causal": True}
    second = replace(second, settings=both | {"train.seed": 2}, metrics={"f1": Interval(0.75, 0.7, 0.8)})
    text = side_by_side.text([replace(first, settings=both), second], 0.05)
    assert "train.seed  1  2\n" in text and "model.causal" not in text
    assert re.search(r"^f1 +0\.5 +0\.75$\n^ +0\.7 to 0\.8$", text, re.MULTILINE)


def written(folder: Path, name: str, found: OutOfFold) -> str:
    return str(outputs.write(folder, Outcome(name, found, {})))


def test_answers_of_a_cross_validation_are_read_with_intervals(tmp_path: Path) -> None:
    found = noisy(60, 3)
    names = [written(tmp_path, name, each) for name, each in (("one", found), ("two", noisy(60, 4, 4.0)))]
    first, second = contender.load(Workspace(tmp_path), names)
    assert (first.title, second.title) == tuple(names)
    np.testing.assert_array_equal(first.answers.predicted, found.predicted)
    assert first.metrics == filter_metrics.compute(first.answers) and first.metrics["f1"].high is not None


def test_the_command_compares_two_files_by_a_metric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    names = [written(Path("answers"), name, noisy(60, 3, signal)) for name, signal in (("one", 0.5), ("two", 5.0))]
    cli.main(["compare", *names, "--metric", "errors"])
    printed = capsys.readouterr().out
    assert printed == side_by_side.text(contender.load(Workspace(tmp_path), names), 0.05, "errors") + "\n"
    assert printed.startswith("A  answers/one.csv\nB  answers/two.csv\n")
    assert "B beside A, better beyond chance: errors\n" in printed
    with pytest.raises(SystemExit, match=r"answers/one\.csv holds .*, workspace is a result of the pipeline"):
        cli.main(["compare", names[0]])


def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path: Path) -> None:
    here, found = Workspace(tmp_path), noisy(60, 3)
    one = written(tmp_path, "one", found)
    for changed in (
        replace(found, rows=found.rows + 1),
        replace(found, groups=np.arange(60)),
        noisy(59, 3),
        replace(found, labels=found.labels[::-1].copy()),
    ):
        other = written(tmp_path, "other", changed)
        complaint = f"{other}: its messages or labels are not those of {one}; cross-validate both by the same study"
        with pytest.raises(DataError, match=re.escape(complaint)):
            contender.load(here, [one, other])
    with pytest.raises(
        DataError, match=r"one\.csv holds .* answers, HEAD is a result .*; compare each with its own kind"
    ):
        contender.load(here, [one, "HEAD"])
    with pytest.raises(DataError, match=r"none\.csv: no such file; `spampipe crossvalidate` writes"):
        contender.load(here, [one, str(tmp_path / "none.csv")])
    (tmp_path / "alone").mkdir()
    out_of_fold.write(tmp_path / "alone" / "one.csv", found)
    with pytest.raises(DataError, match=r"labels\.json: no such file; `spampipe crossvalidate` writes"):
        contender.load(here, [str(tmp_path / "alone" / "one.csv")] * 2)


@settings(max_examples=30)
@given(st.data(), st.sampled_from([TWO, FIRST_POSITIVE, THREE]))
def test_predictions_become_the_answers_they_were_made_of(data: st.DataObject, label_set: LabelSet) -> None:
    index = st.integers(0, len(label_set) - 1)
    rows = data.draw(st.lists(st.tuples(st.text(), index, index), min_size=1, max_size=9))
    split = scored(rows, label_set)
    table = pd.concat([reports.predictions(name, split, label_set) for name in ("validation", "test")])
    found = contender.of_predictions(table, label_set, EACH_ALONE)
    np.testing.assert_array_equal(found.labels, split.labels)
    np.testing.assert_array_equal(found.predicted, split.predicted)
    np.testing.assert_allclose(found.probabilities, split.probabilities)
    assert found.rows.tolist() == found.groups.tolist() == list(range(len(rows)))
    assert found.label_set == label_set


def test_near_duplicates_are_one_group() -> None:
    rows = [("Win 100 pounds, text now!", 1, 1), ("see you at lunch", 0, 0), ("win 200 pounds text NOW", 1, 0)]
    table = reports.predictions("test", scored(rows, TWO), TWO)
    near = EACH_ALONE.model_copy(update={"group_duplicates": "near"})
    assert contender.of_predictions(table, TWO, near).groups.tolist() == [0, 1, 0]
