"""Contenders against the number of training messages."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp
from sklearn.metrics import average_precision_score

from benchmarks import tables_experiments
from benchmarks.tables import NotMeasuredError
from spampipe import cli
from spampipe.core.errors import ParamsError
from spampipe.core.workspace import Workspace
from spampipe.crossvalidation import answers, contenders, corpus, curve_outputs, curve_settings, draws, learning_curve
from spampipe.crossvalidation.answering import Answering
from spampipe.crossvalidation.contenders import Study
from spampipe.crossvalidation.corpus import Corpus
from spampipe.crossvalidation.curve_settings import CurveSettings
from spampipe.crossvalidation.learning_curve import LearningCurve
from spampipe.crossvalidation.running import CrossValidation
from spampipe.data import folds
from spampipe.evaluation.out_of_fold import OutOfFold
from spampipe.params import Params
from tests.support.label_sets import THREE
from tests.support.project import ROOT, place_inputs

DEFAULTS = Params.load(ROOT / "params.yaml")
STUDY = """
settings:
  download.dataset: tickets.csv
  crossvalidate.folds: 2
  crossvalidate.group_duplicates: exact
  train.epochs: 1
  train.eval_every_steps: 100
  train.precision: fp32
learning_curve: {sizes: [4, 8, all], least_steps: 3, contenders: [svm, network, zero_shot, few_shot]}
contenders:
  svm: {says: linear, settings: {model.name: tfidf-svm}}
  network: {says: network, settings: &network {model.name: gpt2-tiny, model.weights: random}}
  zero_shot: {says: asked, settings: {<<: *network, model.trainable: prompt}}
  few_shot: {says: shown, settings: {<<: *network, model.trainable: prompt, model.prompt_shots: 5}}
  both: {says: both, members: [svm, network]}
"""


@st.composite
def corpora(draw: st.DrawFn) -> Corpus:
    """Three labels, of which one may be rare, in two folds."""
    labels = np.repeat([0, 1, 2], [draw(st.integers(4, most)) for most in (120, 30, 8)])
    labels = labels[np.random.default_rng(draw(st.integers(0, 99))).permutation(len(labels))]
    every = np.arange(len(labels))
    parts = folds.deal(labels, every, THREE, 4, draw(st.integers(0, 99)))
    return Corpus(THREE, every, [f"text {number}" for number in every], labels, every, parts, folds=2)


@settings(max_examples=40)
@given(corpora(), st.integers(0, 1), st.integers(0, 2**32 - 1), st.data())
def test_draws_are_nested_stratified_and_of_their_fold(
    messages: Corpus, fold: int, seed: int, data: st.DataObject
) -> None:
    whole = messages.splits(fold)
    most = len(whole["train"])
    sizes = sorted(data.draw(st.sets(st.integers(3, most), min_size=1, max_size=4)))
    found = [draws.drawn(messages, fold, size, seed).splits for size in sizes]
    again = draws.drawn(messages, fold, sizes[-1], seed).splits
    for name in ("train", "validation"):
        assert np.array_equal(again[name], found[-1][name])
        for smaller, larger in zip(found, [*found[1:], whole], strict=True):
            assert set(smaller[name]) <= set(larger[name])
        shares = np.bincount(messages.labels[whole[name]]) / len(whole[name])
        for splits in found:
            counts = np.bincount(messages.labels[splits[name]], minlength=3)
            assert counts.min() >= 1
            assert np.abs(counts - shares * len(splits[name])).max() < 3
    for size, splits in zip(sizes, found, strict=True):
        assert len(splits["train"]) == size
        assert len(splits["validation"]) == max(3, round(size * len(whole["validation"]) / most))
        assert np.array_equal(splits["test"], whole["test"])
        assert all((np.diff(positions) > 0).all() for positions in splits.values())
    for size in (2, most + 1):
        with pytest.raises(ParamsError, match=rf"sizes: {size}: must be from 3, .* to {most}, .* fold {fold + 1}"):
            draws.drawn(messages, fold, size, seed)


def test_seeds_and_folds_draw_differently_and_shares_are_those_of_the_fold() -> None:
    labels = np.repeat([0, 1, 2], [1000, 300, 100])
    every = np.arange(1400)
    messages = Corpus(THREE, every, [""] * 1400, labels, every, folds.deal(labels, every, THREE, 10, 1), folds=5)
    first = draws.drawn(messages, 0, 140, seed=1)
    assert np.bincount(labels[first.splits["train"]]).tolist() == [100, 30, 10]
    assert np.bincount(labels[first.splits["validation"]]).tolist() == [15, 4, 1]  # of 14.3, 4.3 and 1.4
    assert set(first.splits["train"]) != set(draws.drawn(messages, 0, 140, seed=2).splits["train"])
    assert not np.array_equal(first.splits["test"], draws.drawn(messages, 1, 140, seed=1).splits["test"])
    assert draws.whole(messages, 0).ingredients() == {"fold": 0}  # what was kept before there were draws holds


@given(st.integers(1, 5000), st.integers(1, 64), st.integers(1, 8), st.integers(1, 9), st.integers(1, 300))
def test_few_messages_are_passed_over_until_there_are_enough_steps(
    messages: int, batch: int, accumulated: int, epochs: int, least: int
) -> None:
    given_settings = DEFAULTS.changed(
        {"train.batch_size": batch, "train.accumulation_steps": accumulated, "train.epochs": epochs}
    )
    train = curve_settings.for_few(given_settings, messages, least).train
    steps = messages // train.batch_size
    assert steps >= train.accumulation_steps >= 1
    assert steps * train.epochs >= least
    assert train.epochs == epochs or steps * (train.epochs - 1) < least
    assert train.batch_size == batch or train.batch_size == messages < batch
    for other in ({"model.name": "tfidf-svm"}, {"model.trainable": "probe"}, {"model.trainable": "prompt"}):
        changed = given_settings.changed(other)
        assert curve_settings.for_few(changed, messages, least) == changed


def test_the_average_precision_of_several_labels_is_scikit_learns() -> None:
    random = np.random.default_rng(1)
    probabilities = random.dirichlet([1, 1, 1], 60)
    labels = random.integers(0, 3, 60)
    every = np.arange(60)
    found = OutOfFold(THREE, every, every, every, labels, labels, probabilities)
    expected = average_precision_score(np.eye(3)[labels], probabilities, average="macro")
    assert learning_curve.mean_average_precision(found) == pytest.approx(expected)
    one = replace(found, label_set=THREE.model_copy(update={"positive": "perhaps"}))
    assert learning_curve.mean_average_precision(one) == pytest.approx(
        average_precision_score(labels == 1, probabilities[:, 1])
    )


def test_means_have_students_interval_and_rows_of_others_stay(tmp_path: Path) -> None:
    def points(name: str, values: list[float]) -> list[learning_curve.Point]:
        return [
            learning_curve.Point(name, size, draw, messages, value, value, None)
            for size, messages in (("all", 70), ("8", 8))
            for draw, value in enumerate(values)
        ]

    curve_outputs.write(tmp_path, points("b", [0.5, 0.625, 0.75]))
    first = (tmp_path / "curve.csv").read_text()
    assert first.splitlines()[:2] == [
        "contender,size,draw,training_messages,accuracy,average_precision,missed_at_0.5",
        "b,8,0,8,0.5,0.5,",
    ]
    curve_outputs.write(tmp_path, points("a", [0.25]))
    curve_outputs.write(tmp_path, points("c", [1.0, 0.75]))
    curve_outputs.write(tmp_path, points("b", [0.5, 0.625, 0.75]))
    assert (tmp_path / "curve.csv").read_text().splitlines()[3:9] == first.splitlines()[1:]
    found = json.loads((tmp_path / "curve.json").read_text())
    assert (
        list(found) == ["a", "b", "c"] and list(found["b"]) == ["8", "all"] and "missed_at_0.5" not in found["b"]["8"]
    )
    interval = ttest_1samp([0.5, 0.625, 0.75], 0).confidence_interval(0.95)
    entry = found["b"]["all"]["accuracy"]
    assert (entry["value"], entry["sd"]) == pytest.approx((0.625, np.std([0.5, 0.625, 0.75], ddof=1)))
    assert (entry["low"], entry["high"]) == pytest.approx((interval.low, interval.high))
    assert found["a"]["8"]["accuracy"] == {"value": 0.25, "sd": None, "low": None, "high": None}
    assert found["c"]["8"]["accuracy"]["high"] == 1 and found["c"]["8"]["accuracy"]["low"] == 0
    table, quantity = curve_outputs.drawn(found, {"a": "first", "d": "not there"})
    assert quantity == "Accuracy, %" and table["value"].tolist() == [25, 25] and table["low"].isna().all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with messages of two classes, and a study of them."""
    place = tmp_path_factory.mktemp("curve")
    rows = [f"no,meet me at {hour} in room {room}" for hour in range(10) for room in range(4)]
    rows += [f"yes,you win prize {number} now: call {number * 7}" for number in range(30)]
    place.joinpath("tickets.csv").write_text("\n".join(["label,text", *rows]))
    place.joinpath("small.yaml").write_text(STUDY)
    for name in ("params.yaml", "dvc.yaml"):
        (place / name).write_bytes((ROOT / name).read_bytes())
    (place / "prompts").mkdir()
    (place / "prompts" / "question.yaml").write_bytes((ROOT / "prompts" / "question.yaml").read_bytes())
    place_inputs(place)
    return place


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return contenders.load(folder / "small.yaml", DEFAULTS)


@pytest.fixture(scope="module")
def messages(study: Study, folder: Path) -> Corpus:
    return corpus.load(study.common, folder)


def test_the_command_goes_on_where_it_was_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    trained, real = [], answers.of_model

    def counted(*given: object, **options: object) -> answers.Answers:
        if len(trained) == 9:
            trained.append("stopped")
            raise KeyboardInterrupt
        trained.append("once")
        return real(*given, **options)

    monkeypatch.setattr(answers, "of_model", counted)
    with pytest.raises(BaseException) as stopped:
        cli.main(["learning-curve", "small.yaml"])
    assert isinstance(stopped.value, KeyboardInterrupt | SystemExit)
    assert set(pd.read_csv(folder / "small" / "curve.csv")["contender"]) == {"svm"}
    capsys.readouterr()
    cli.main(["learning-curve", "small.yaml"])
    printed = capsys.readouterr().out
    assert trained.count("once") == 2 * (3 + 3 + 1 + 1)  # nothing that was finished is trained again
    written = {path.name: path.read_bytes() for path in (folder / "small").iterdir()}
    assert set(written) == {"curve.csv", "curve.json", "curve.png", "curve.pdf"}
    table = pd.read_csv(folder / "small" / "curve.csv", dtype={"size": str})
    sizes = table.groupby("contender", sort=False)["size"].agg(lambda each: list(dict.fromkeys(each))).to_dict()
    assert sizes == {"few_shot": ["8"], "network": ["4", "8", "all"], "svm": ["4", "8", "all"], "zero_shot": ["0"]}
    counted_messages = dict(zip(table["size"], table["training_messages"], strict=True))
    assert (counted_messages["0"], counted_messages["4"], counted_messages["8"]) == (0, 4, 8)
    assert table.groupby(["contender", "size"])["draw"].agg(list).map(lambda each: each == [0, 1]).all()
    assert table[table["size"] == "all"].set_index("contender").loc["svm", "missed_at_0.5"].tolist() == [0, 0]
    heading, *lines = (line.split("\t") for line in printed.splitlines())
    assert heading == ["", "", "none", "4", "8", "all"]
    assert len(lines) == 12 and lines[0][:3] == ["linear", "accuracy %", "-"]

    monkeypatch.setitem(tables_experiments.STUDIES, "small", folder / "small.yaml")
    shown = tables_experiments.table("small", "curve")
    assert shown.splitlines()[2] == "| " + " | ".join(lines[0]) + " |"
    cli.main(["learning-curve", "small.yaml", "--only", "svm"])
    assert {path.name: path.read_bytes() for path in (folder / "small").iterdir()} == written
    cli.main(["crossvalidate", "small.yaml", "--only", "svm"])  # whose answers lie beside the curve
    assert capsys.readouterr().out.splitlines()[-1].startswith("linear\t0\t")
    assert trained.count("once") == 16


def test_all_messages_give_the_answers_of_the_cross_validation(
    study: Study, messages: Corpus, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    small = replace(study, curve=CurveSettings(sizes=["all"], least_steps=1000, contenders=["network"]))
    for name in ("network", "svm"):
        expected = CrossValidation(study, messages, Workspace(tmp_path / "cross-validation")).run(name).answers
        # In another folder, so that neither finds what the other kept.
        points = LearningCurve(small, messages, Workspace(tmp_path / "curve")).run(name)
        of_curve = Answering(small, messages, Workspace(tmp_path / "curve"))
        monkeypatch.setattr(answers, "of_model", None)  # all is kept
        for fold, point in enumerate(points):
            draw = draws.whole(messages, fold)
            tested = draw.splits["test"]
            assert of_curve.of(name, draw, 1000).test.tobytes() == expected.probabilities[tested].tobytes()
            assert point.accuracy == expected.right[tested].mean()
            assert point.training_messages == len(draw.splits["train"])
        monkeypatch.undo()
        monkeypatch.chdir(folder)
    kept = [
        {path.name for path in (tmp_path / place).rglob("*.safetensors")} for place in ("cross-validation", "curve")
    ]
    assert kept[0] == kept[1] and len(kept[0]) == 4


def test_sizes_that_a_fold_cannot_have_are_left_out_or_refused(
    study: Study, messages: Corpus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def curve(*sizes: int | str) -> LearningCurve:
        chosen = CurveSettings(sizes=list(sizes), least_steps=1, contenders=["svm"])
        return LearningCurve(replace(study, curve=chosen), messages, Workspace(tmp_path))

    assert [point.size for point in curve(6, 4000).run("svm")] == ["6", "6"]
    assert "size 4000: left out, as a fold has 17 training messages" in caplog.text
    with pytest.raises(ParamsError, match="sizes: none is right for the 5 examples of few_shot; add all"):
        curve(4).run("few_shot")
    with pytest.raises(ParamsError, match="sizes: none is right for a fold, which has 17 messages; add all"):
        curve(4000).run("svm")
    with pytest.raises(ParamsError, match="small: has no section learning_curve; add one"):
        LearningCurve(replace(study, curve=None), messages, Workspace(tmp_path))


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        ("{sizes: [8, 4], least_steps: 1, contenders: [a]}", "learning_curve: sizes: must ascend"),
        ("{sizes: [all, 4], least_steps: 1, contenders: [a]}", "learning_curve: sizes: must ascend"),
        ("{sizes: [0], least_steps: 1, contenders: [a]}", "learning_curve.sizes.0: 0 must be a number"),
        ("{sizes: [some], least_steps: 1, contenders: [a]}", "learning_curve.sizes.0: 'some' must be a number"),
        ("{sizes: [], least_steps: 1, contenders: [a]}", "learning_curve.sizes: "),
        ("{sizes: [4], least_steps: 0, contenders: [a]}", "learning_curve.least_steps: "),
        ("{sizes: [4], contenders: [a]}", "learning_curve.least_steps: Field required"),
        ("{sizes: [4], least_steps: 1, contenders: [a, a]}", "contenders: a stands twice"),
        ("{sizes: [4], least_steps: 1, contenders: [b]}", "learning_curve.contenders: b: no such contender"),
        ("{sizes: [4], least_steps: 1, contenders: [a], step: 1}", "learning_curve.step: "),
        ("null\n  curve: {says: a}", "curve: a file of figures is called curve.csv"),
    ],
)
def test_a_wrong_section_is_refused_in_one_line(section: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    head, _, rest = section.partition("\n")
    path.write_text(f"settings: {{}}\nlearning_curve: {head}\ncontenders:\n  a: {{says: a}}\n{rest}\n")
    with pytest.raises(ParamsError) as raised:
        contenders.load(path, DEFAULTS)
    assert str(raised.value).startswith(f"{path}: ") and wrong in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_curve_that_was_not_measured_is_told_by_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tables_experiments.STUDIES, "small", tmp_path / "small.yaml")
    with pytest.raises(NotMeasuredError, match=r"run `spampipe learning-curve .*small\.yaml`"):
        tables_experiments.table("small", "curve")
