"""CONTRIBUTING.md is true to the letter: a toy of each kind is added to a copy of the project, and used.

tests/models/test_families.py adds that of a model family.
"""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from spampipe.core import files
from spampipe.core.workspace import Workspace
from spampipe.data import labels
from tests.classifiers.test_linear_toy import KIND
from tests.support.contributing import files_to_touch, kinds, past_files
from tests.support.project import ROOT
from tests.support.repositories import change, copied, run

# At most so many files for each, tests and documents not counted.
MOST = {
    "data set": 3,
    "model family": 4,
    "family of the hub": 3,
    "kind of adapters": 4,
    "other kind of classifier": 3,
    "metric": 2,
    "stage": 5,
    "source of downloads": 2,
}

PAST = {"BERT": 4, "Llama from the hub": 3, "Qwen2 from the hub": 3, "LoRA": 4, "Linear models": 3}

SOURCE = '''"""Files spelt out in their address; for very small ones."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Spelt:
    """A file whose bytes are the address, in hexadecimal."""

    address: str
    member: str | None = None

    def retrieve(self, target: Path) -> None:
        """Write the bytes."""
        target.write_bytes(bytes.fromhex(self.address.partition("://")[2]))
'''

DATASET = '''"""Questions by what they ask for."""

from spampipe.data.dataset import Dataset
from spampipe.data.labels import LabelSet
from spampipe.downloads.fetch import Pin
from spampipe.downloads.sources import Url


def convert(published: bytes) -> bytes:
    """Lines of `LABEL:text` to `label<TAB>text`."""
    rows = (line.split(":", 1) for line in published.decode().splitlines())
    return "".join(f"{label.lower()}\\t{text}\\n" for label, text in rows).encode()


DATASET = Dataset(
    name="questions",
    pin=Pin("questions", "SHA256", (Url("https://files.example.org/questions.txt"),)),
    labels=LabelSet(names=("person", "place", "time"), positive=None),
    licence="none",
    citation="made for a test",
    convert=convert,
)
'''

METRIC = """    Metric(
        name="test_error_rate",
        says="The share of the test messages that were given another label than their own.",
        better="lower",
        tolerance=SHARE_TOLERANCE,
        given="always",
        compute=lambda found: 1 - (scores.accuracy(found.test) or 0),
    ),
)
"""

STAGE = '''"""Count the messages that have at least so many characters."""

from spampipe import params
from spampipe.core import command, files
from spampipe.core.workspace import Workspace
from spampipe.data import labels, messages


def main(workspace: Workspace) -> None:
    """Write reports/lengths.json."""
    settings = params.load(workspace.params).lengths
    balanced = messages.read(workspace.balanced, labels.load(workspace.labels))
    long = int((balanced["Text"].str.len() >= settings.shortest).sum())
    files.write_json(workspace.lengths, {"long_messages": long})


if __name__ == "__main__":
    command.run_stage(main)
'''

STAGE_ENTRY = """  lengths:
    cmd: python -m stages.lengths
    params: [lengths]
    deps:
      [data/balanced.csv, data/raw/labels.json, stages/lengths.py, spampipe/params.py, spampipe/core, spampipe/data]
    outs:
      - reports/lengths.json

metrics:
"""


def questions() -> bytes:
    """Three easily told classes of 40 texts each."""
    asked = {"PERSON": "Who wrote book number {}?", "PLACE": "Where lies city {}?", "TIME": "When began year {}?"}
    return "".join(f"{label}:{text.format(n)}\n" for label, text in asked.items() for n in range(40)).encode()


class Project:
    """A copy of the project that is added to.

    Attributes:
        touched: the files that have been added or changed since `begin`.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.touched = root, set[str]()

    def add(self, name: str, text: str) -> None:
        """Write a new file."""
        assert not (self.root / name).exists(), name
        (self.root / name).write_text(text)
        self.touched.add(name)

    def edit(self, name: str, before: str, after: str) -> None:
        """Put one text in the place of another."""
        text = (self.root / name).read_text()
        assert text.count(before) == 1, (name, before)
        (self.root / name).write_text(text.replace(before, after))
        self.touched.add(name)


def add_data_set(project: Project) -> None:
    (project.root / "published.txt").write_bytes(questions())  # as it lies somewhere else
    pinned = files.digest(project.root / "published.txt")
    project.add("spampipe/data/datasets/questions.py", DATASET.replace("SHA256", pinned))
    project.edit("spampipe/data/catalogue.py", "import sms, trec\n", "import questions, sms, trec\n")
    project.edit("spampipe/data/catalogue.py", "(sms.DATASET, ", "(questions.DATASET, sms.DATASET, ")
    project.add("questions", "Questions of a test.\n")


def add_source(project: Project) -> None:
    project.add("spampipe/downloads/spelt.py", SOURCE)
    sources = "spampipe/downloads/sources.py"
    imported = "from spampipe.core.errors"
    project.edit(sources, imported, f"from spampipe.downloads.spelt import Spelt\n{imported}")
    project.edit(sources, '"https": Url}', '"https": Url, "spelt": Spelt}')


def add_metric(project: Project) -> None:
    project.edit(
        "spampipe/evaluation/metrics.py", "\n)\n\n# What training writes", f"\n{METRIC}\n# What training writes"
    )


def add_stage(project: Project) -> None:
    project.add("stages/lengths.py", STAGE)
    project.edit("dvc.yaml", "metrics:\n", STAGE_ENTRY)
    with (project.root / "params.yaml").open("a") as settings:
        settings.write("lengths:\n  shortest: 20  # characters\n")
    project.touched.add("params.yaml")
    section = (
        'class LengthsParams(Section):\n    """How long a message is long."""\n\n    shortest: int\n\n\nclass Params('
    )
    project.edit("spampipe/params.py", "class Params(", section)
    project.edit(
        "spampipe/params.py", "    check: CheckParams\n", "    check: CheckParams\n    lengths: LengthsParams\n"
    )
    place = '''    @property
    def lengths(self) -> Path:
        """How many messages are long."""
        return self.root / "reports/lengths.json"

    @property
    def figures('''
    project.edit("spampipe/core/workspace.py", "    @property\n    def figures(", place)


def add_linear_model(project: Project) -> None:
    project.add("spampipe/classifiers/words.py", KIND)
    opening = "_WITHOUT_BASE: dict[str, tuple[str, str]] = {"
    line = '\n    "words": ("words", "WordsClassifier"),'
    project.edit("spampipe/classifiers/catalogue.py", opening, opening + line)


ADDED = {
    "data set": (add_data_set, "questions"),
    "source of downloads": (add_source, "spelt"),
    "metric": (add_metric, ""),
    "stage": (add_stage, "lengths"),
    "other kind of classifier": (add_linear_model, "words"),
}


@pytest.fixture(scope="module")
def extended(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, set[str]]]:
    """The project with a toy of each kind, whose pipeline has run on them; and the files that each has touched."""
    project = Project(copied(finished, tmp_path_factory.mktemp("extended") / "repository"))
    touched = {}
    for what, (add, _) in ADDED.items():
        add(project)
        touched[what], project.touched = project.touched, set()
    address = f"spelt://{questions().hex()}"
    (project.root / "places.yaml").write_text(yaml.safe_dump({"questions": address}))
    change(project.root, "download", dataset="questions", labels=None)
    change(project.root, "balance", strategy="none")
    change(project.root, "check", minimum={"test_accuracy": 0.5}, maximum={"test_error_rate": 0.5})
    variables = {"SPAMPIPE_SOURCES": str(project.root / "places.yaml"), "SPAMPIPE_TRACKING": "off"}
    run(project.root, "dvc", "repro", variables=variables)
    return project.root, touched


def test_the_table_names_every_kind_and_no_more_files_than_it_may() -> None:
    assert set(kinds()) == set(MOST)
    for what, most in MOST.items():
        assert len(files_to_touch(what, "toy")) <= most, what


def test_the_files_that_past_additions_are_in_are_there_and_no_more_than_they_may_be() -> None:
    for what, most in PAST.items():
        files = past_files(what)
        assert len(files) <= most and all((ROOT / file).is_file() for file in files), what


@pytest.mark.parametrize("what", ADDED)
def test_what_is_touched_is_what_the_table_names(extended: tuple[Path, dict[str, set[str]]], what: str) -> None:
    assert extended[1][what] == files_to_touch(what, ADDED[what][1])


def test_three_labels_come_from_their_source_to_the_reports(extended: tuple[Path, dict[str, set[str]]]) -> None:
    workspace = Workspace(extended[0])
    assert labels.load(workspace.labels).names == ("person", "place", "time")
    predictions = pd.read_csv(workspace.predictions)
    assert set(predictions["label"]) == {"person", "place", "time"}
    shares = predictions[["probability_person", "probability_place", "probability_time"]]
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1)
    assert (shares.idxmax(axis=1).str.removeprefix("probability_") == predictions["predicted"]).all()
    metrics = json.loads(workspace.evaluate_metrics.read_text())
    assert metrics["test_error_rate"] == pytest.approx(1 - metrics["test_accuracy"])
    assert {"test_macro_f1", "test_recall_place"} <= set(metrics) and "test_recall" not in metrics
    lengths = json.loads((workspace.root / "reports/lengths.json").read_text())
    assert lengths == {"long_messages": sum(len(line.split(b":", 1)[1]) >= 20 for line in questions().splitlines())}
    for name in ("loss", "accuracy", "confusion", "precision_recall"):
        assert (workspace.figures / f"{name}.png").stat().st_size > 1000


def test_every_command_knows_three_labels(extended: tuple[Path, dict[str, set[str]]]) -> None:
    answered = run(extended[0], "python", "-m", "spampipe", "classify", "Who wrote book number 7?").stdout
    label, probability, _ = answered.split("\t")
    assert label in ("person", "place", "time") and 1 / 3 <= float(probability) <= 1
    assert "ok\ttest_error_rate" in run(extended[0], "python", "-m", "spampipe", "check").stdout
    assert (
        "\tversion 1\tchampion: the first"
        in run(extended[0], "python", "-m", "spampipe", "register", "questions").stdout
    )
    refused = run(extended[0], "python", "-m", "spampipe", "classify", "--threshold", "0.9", "Who?", check=False)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)


def test_the_stages_run_a_linear_model(extended: tuple[Path, dict[str, set[str]]], tmp_path: Path) -> None:
    repository = copied(extended[0], tmp_path / "repository")
    change(repository, "model", name="words")
    variables = {"SPAMPIPE_SOURCES": str(repository / "places.yaml"), "SPAMPIPE_TRACKING": "off"}
    run(repository, "dvc", "repro", variables=variables)
    workspace = Workspace(repository)
    assert (
        json.loads(workspace.evaluate_metrics.read_text())["test_accuracy"] == 1.0
    )  # each label has words of its own
    assert json.loads(workspace.train_metrics.read_text())["train_accuracy"] == 1.0
    answers = run(
        repository, "python", "-m", "spampipe", "classify", "Where lies city 7?", "When began year 3?"
    ).stdout
    assert [line.split("\t")[0] for line in answers.splitlines()] == ["place", "time"]
