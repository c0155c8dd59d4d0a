"""Messages whose label is probably wrong: the table, the command, and the way back into the data."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from spampipe import cli
from spampipe.crossvalidation import corpus, outputs, review
from spampipe.crossvalidation.running import Outcome
from spampipe.data.labels import LabelSet
from spampipe.evaluation.out_of_fold import OutOfFold
from spampipe.params import Params
from tests.support.project import ROOT, place_inputs

NAMES = LabelSet(names=("no", "yes"), positive="yes")
# Row, text, label, group, and the probability of `yes` by two contenders.
MESSAGES = (
    (0, "see you at 3", 0, 0, 0.1, 0.1),
    (1, "you win 500 pounds", 0, 1, 0.97, 0.99),  # near-duplicates of it, below, are labelled otherwise
    (2, "you win 300 pounds", 1, 1, 0.9, 0.7),
    (3, "you win 700, pounds", 1, 1, 0.8, 0.8),
    (4, "on my\nway", 1, 2, 0.2, 0.4),
    (6, "hello", 0, 3, 0.3, 0.0),  # row 5 is a copy of row 0
)
COMMON = {"download.dataset": "tickets.csv"}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with messages, and answers of two contenders for them where the command looks first."""
    frame = pd.DataFrame([(NAMES.names[label], text) for _, text, label, *_ in MESSAGES], columns=["label", "text"])
    frame = pd.concat([frame[:5], frame[:1], frame[5:]])
    frame.to_csv(tmp_path / "tickets.csv", index=False)
    settings = Params.load(ROOT / "params.yaml").changed(COMMON)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings.model_dump()))
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    place_inputs(tmp_path)
    place_answers(tmp_path / "reports" / "crossvalidation")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def place_answers(folder: Path) -> None:
    rows, _, labels, groups, *answers = map(np.array, zip(*MESSAGES, strict=True))
    for name, positive in zip(("svm", "network"), answers, strict=True):
        probabilities = np.stack([1 - positive, positive], axis=1)
        predicted = probabilities.argmax(axis=1)
        found = OutOfFold(NAMES, rows, groups % 2, groups, labels, predicted, probabilities)
        outputs.write(folder, Outcome(name, found, {}))


def answer(capsys: pytest.CaptureFixture[str], *options: str) -> list[list[str]]:
    cli.main(["suspects", *options])
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def refusal(*options: str) -> str:
    with pytest.raises(SystemExit) as caught:
        cli.main(["suspects", *options])
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_the_mean_of_the_contenders_decides(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of `no`, the threshold is (0.9 + 0.02 + 0.85) / 3 = 0.59, of `yes` (0.8 + 0.8 + 0.3) / 3 = 0.633."""
    assert answer(capsys) == [
        ["label", "suggested", "probability of label", "near otherwise", "text"],
        ["no", "yes", "0.0200", "2", "you win 500 pounds"],
        ["yes", "no", "0.3000", "0", "on my way"],
    ]
    assert answer(capsys, "--top", "1")[1:] == [["no", "yes", "0.0200", "2", "you win 500 pounds"]]


def test_contenders_can_be_chosen(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [row[2] for row in answer(capsys, "--contender", "svm")[1:]] == ["0.0300", "0.2000"]
    both = answer(capsys, "--contender", "svm", "network", "svm")
    assert both == answer(capsys)
    assert refusal("--contender", "svn") == (
        f"error: --contender svn: none of {workspace / 'reports/crossvalidation'}; did you mean svm?"
    )


def test_a_reviewed_file_is_one_of_corrections(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer(capsys, "--output", "review/suspects.csv")
    path = workspace / "review" / "suspects.csv"
    assert path.read_text() == (
        "text,label,suggested,probability_of_label,near_otherwise,correction,by,reason\n"
        "you win 500 pounds,no,yes,0.02,2,,,\n"
        '"on my\nway",yes,no,0.3,0,,,\n'
    )
    settings = Params.load(workspace / "params.yaml").changed({"balance.corrections": "review/suspects.csv"})
    _, before = corpus.messages_of(settings, workspace)
    assert before["Label"].tolist() == [label for _, _, label, *_ in MESSAGES]
    path.write_text(path.read_text().replace(",2,,,", ",2,yes,ann,as its copies").replace(",0,,,", ",0,remove,ann,?"))
    _, after = corpus.messages_of(settings, workspace)
    assert after["Label"].to_dict() == {0: 0, 1: 1, 2: 1, 3: 1, 6: 0}
    (workspace / "params.yaml").write_text(yaml.safe_dump(settings.model_dump()))
    assert "not of the messages and labels of tickets.csv as they are" in refusal()


def test_the_study_beside_the_folder_names_the_data_set(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = answer(capsys)
    (workspace / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    place_answers(workspace / "small")
    study = {"settings": COMMON, "contenders": {"svm": {"says": "linear", "settings": {"model.name": "tfidf-svm"}}}}
    (workspace / "small.yaml").write_text(yaml.safe_dump(study))
    assert answer(capsys, "small") == expected


def test_answers_of_other_messages_are_refused(workspace: Path) -> None:
    problem = (
        "not of the messages and labels of tickets.csv as they are; cross-validate again, or set download.dataset"
    )
    tickets = workspace / "tickets.csv"
    whole = tickets.read_text()
    for changed in (whole + "no,another one\n", whole.replace("no,hello", "yes,hello"), whole.replace("no,", "nay,")):
        tickets.write_text(changed)
        assert problem in refusal()


def test_wrong_options_are_refused(workspace: Path) -> None:
    assert refusal("--top", "0") == "error: --top 0: must be 1 or more"
    assert refusal("nowhere") == "error: nowhere: holds no answers; run `spampipe crossvalidate`"
    folder = workspace / "reports" / "crossvalidation"
    assert refusal("--output", str(folder / "suspects.csv")) == (
        f"error: --output {folder / 'suspects.csv'}: {folder} is for answers only; name a file in another folder"
    )
    assert not (folder / "suspects.csv").exists()


def test_a_long_text_is_shown_in_part_and_written_whole(tmp_path: Path) -> None:
    text = "word " * 100
    columns = {"text": [text], "label": ["no"], "suggested": ["yes"], "probability_of_label": [1 / 3]}
    table = pd.DataFrame({**columns, "near_otherwise": [0], "correction": "", "by": "", "reason": ""})
    assert re.fullmatch(r"(word ){16}", review.shown(table)[1][-1])
    review.write(tmp_path / "out.csv", table, tmp_path / "answers")
    assert (tmp_path / "out.csv").read_text().splitlines()[1] == f"{text},no,yes,0.333333,0,,,"
