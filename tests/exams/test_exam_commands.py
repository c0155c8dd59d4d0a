"""`spampipe evaluate`, `behaviour` and `robustness` with a model of real messages, as docs/exams.md has them."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest

from spampipe import cli
from spampipe.classifiers.text_classifier import Split
from spampipe.core.workspace import Workspace
from spampipe.evaluation import explanations, readers
from spampipe.exams import behaviour_cases, source_cues
from tests.classifiers.test_linear import texts
from tests.support import exam_models
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT
from tests.support.repositories import run

PAGE = (ROOT / "docs" / "exams.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\n(spampipe [^\n]+)\n```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, raw_messages: Path) -> Path:
    return exam_models.build(tmp_path_factory.mktemp("exams"), raw_messages).root


@pytest.fixture
def workspace(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The folder that commands run in; not to be changed."""
    monkeypatch.chdir(trained)
    return Workspace(trained)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The lines that a command prints."""
    cli.main(arguments)
    return capsys.readouterr().out.splitlines()


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line of a command's error."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert capsys.readouterr().out == ""
    (line,) = str(ended.value).splitlines()
    return line


def test_the_page_has_an_example_of_each_command() -> None:
    assert [shlex.split(command)[1] for command, _ in EXAMPLES] == ["evaluate", "behaviour", "robustness"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: shlex.split(example[0])[1])
def test_the_page_shows_what_the_command_prints(
    example: tuple[str, str], workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    command, shown = example
    lines = printed(capsys, *shlex.split(command)[1:])
    position = -1
    for line in shown.splitlines():
        if line != "...":
            assert line.rstrip() in [other.rstrip() for other in lines[position + 1 :]], line
            position = [other.rstrip() for other in lines].index(line.rstrip(), position + 1)


def test_a_files_figures_and_answers_are_written(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The test split as a file of other labels' names gives the figures that the pipeline has of it."""
    table = pd.read_csv(workspace.split_csv("test"), keep_default_na=False)
    own = tmp_path / "own.parquet"
    pd.DataFrame({"body": table["Text"], "is_spam": table["Label"].astype(bool)}).to_parquet(own)
    options = ("--text-column", "body", "--label-column", "is_spam", "--map", "true=spam", "false=ham")
    lines = printed(capsys, "evaluate", "--on", str(own), *options, "--output", str(tmp_path / "out"))
    assert re.fullmatch(r"own\.parquet: \d+ of 300 texts were trained on", lines[0])
    assert lines[1].split() == ["own.parquet", "test", "split"]
    for line in lines[3:]:
        name, *figures = re.split(r"\s{2,}", line)
        assert figures[0] == figures[1], name
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    answers = readers.read_predictions(tmp_path / "out" / "predictions.csv", TWO)
    expected = readers.read_predictions(workspace.predictions, TWO).query("split == 'test'")
    assert answers["predicted"].tolist() == expected["predicted"].tolist()
    mistakes = pd.read_csv(tmp_path / "out" / "misclassified.csv")
    assert len(mistakes) == round((1 - metrics["accuracy"]) * 300) > 0
    assert metrics["accuracy_low"] < metrics["accuracy"] < metrics["accuracy_high"]
    assert metrics["trained_on"] == int(lines[0].split()[1]) > 0


def test_the_same_command_writes_the_same_bytes(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = []
    for folder in (tmp_path / "first", tmp_path / "second"):
        printed(capsys, "behaviour", "--output", str(folder))
        printed(capsys, "robustness", "--output", str(folder))
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0] == written[1]
    assert set(written[0]) == {"behaviour.csv", "behaviour_tests.csv", "robustness.csv"}
    groups, tests = (pd.read_csv(tmp_path / "first" / f"behaviour{end}.csv") for end in ("", "_tests"))
    assert tests.groupby("group", sort=False)["failed"].sum().tolist() == groups["failures"].tolist()
    rates = pd.read_csv(tmp_path / "first" / "robustness.csv")
    known = rates["after"].notna()
    assert (rates["after_low"] <= rates["after"])[known].all() and known.sum() > 10


def test_models_stand_under_each_other(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(workspace.root / "models", tmp_path / "models")
    both = ("--model", "workspace", str(tmp_path))
    lines = printed(capsys, "robustness", *both)
    assert lines[0].startswith("workspace: ")  # the other's folder has no texts that it was trained on
    assert lines[1].split()[0] == "model"
    first, second = ([line for line in lines[3:] if line.startswith(name)] for name in ("workspace ", str(tmp_path)))
    assert len(first) == len(second) > 10
    assert [line.split(maxsplit=1)[1] for line in first] == [line.split(maxsplit=1)[1] for line in second]
    assert printed(capsys, "behaviour", *both, "--worst", "0")[0].split()[0] == "model"


def test_a_folder_needs_no_repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any labels will do for a file and for cases of one's own; robustness says what it lacks."""
    first, second = texts("train", THREE, 12), texts("validation", THREE, 4, first=3)
    model = Workspace(tmp_path / "model")
    exam_models.save(model, Split("train", first.texts, first.labels), second, THREE)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.csv").write_text("text,label\nsee you at 3,no\nagenda of meeting 4,yes\n")
    lines = printed(capsys, "evaluate", "--on", "own.csv", "--model", "model")
    assert lines[0].split() == ["own.csv"]
    figures = {line.split()[0]: line.split()[1] for line in lines[2:]}
    assert figures["messages"] == "2" and figures["recall_perhaps"] == "-"
    (tmp_path / "cases.yaml").write_text(
        "seed: 0\ntolerance: 0.05\ngroups:\n"
        "  - {name: plain, kind: minimum functionality, label: 'yes', texts: [agenda of meeting 5, see you at 9]}\n"
    )
    lines = printed(capsys, "behaviour", "--model", "model", "--cases", "cases.yaml")
    assert lines[2].split()[:6] == ["plain", "minimum", "functionality", "1", "of", "2"]
    assert lines[3].split("\t")[:3] == ["model", "plain", "yes"] and lines[3].endswith("\tsee you at 9")
    for name in (behaviour_cases.FILE, source_cues.FILE):
        shutil.copytree(ROOT / name.parent, tmp_path / name.parent, dirs_exist_ok=True)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    complaint = "error: {}: group plain prize scams: the model has no label spam, its labels are no, perhaps, yes"
    path = tmp_path / behaviour_cases.FILE
    assert refused(capsys, "behaviour", "--model", "model").startswith(complaint.format(path))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("evaluate", "--on", "nowhere.csv"), "nowhere.csv: No such file or directory; --on names the file"),
        (("evaluate", "--on", "params.yaml", "--model", "nowhere"), "nowhere: neither an experiment nor a revision"),
        (("evaluate", "--on", "data/splits/test.csv"), "no column text; its columns are Label, Text; name another"),
        (("behaviour", "--cases", "params.yaml"), "params.yaml: seed: Field required"),
        (("robustness", "--cues", "exams/behaviour.yaml"), "behaviour.yaml: numbers: Field required"),
        (("robustness", "--model", "exams"), "exams/models/classifier.json: no such file"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], complaint: str, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, *arguments)
    assert line.startswith("error: ") and complaint in line


@pytest.mark.parametrize("arguments", [("robustness", "--seed", "-1"), ("behaviour", "--worst", "x"), ("evaluate",)])
def test_bad_usage_ends_with_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2


def test_a_revision_is_examined_like_the_workspace(repository: Path) -> None:
    """Its model, and the texts that this was trained on, come from git and DVC."""
    own = ("--on", "own.tsv")
    names = ("workspace", "HEAD")
    here, there = (run(repository, "spampipe", "evaluate", *own, "--model", name).stdout for name in names)
    assert here == there and "test split" in here and " texts were trained on" in here
    lines = run(repository, "spampipe", "robustness", "--model", *names).stdout.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["workspace", "HEAD"]


def test_errors_are_explained_as_the_evaluation_has_it(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, explained = printed(capsys, "errors"), printed(capsys, "errors", "--explain")
    assert [line for line in explained if not line.startswith("\t")] == plain != []
    mistakes = pd.read_csv(workspace.misclassified).query("split == 'test'").set_index("row")["text"]
    known = explanations.read(workspace, TWO)
    assert set(known) == set(mistakes.index)
    for row, text in mistakes.items():
        (place,) = (n for n, line in enumerate(explained) if line.endswith("\t" + " ".join(text.split())))
        nearest = [("nearest", near.similarity, TWO.names[near.label]) for near in known[row].nearest]
        words = [("word", word.effect, " ".join(text[word.start : word.end].split())) for word in known[row].words]
        for wanted, line in zip([*nearest, *words], explained[place + 1 :], strict=False):
            _, kind, number, shown, *_ = line.split("\t")
            assert (kind, shown) == (wanted[0], wanted[2]) and float(number) == pytest.approx(wanted[1], abs=1e-4)


def test_a_training_message_is_not_its_own_neighbour(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    mistake, *lines = printed(capsys, "errors", "--split", "train", "--explain")
    text = mistake.split("\t")[-1]
    nearest = [line.split("\t")[-1] for line in lines[:3]]
    train = [" ".join(each.split()) for each in pd.read_csv(workspace.split_csv("train"))["Text"]]
    assert train.count(text) == 1 and set(nearest) <= set(train) - {text}
