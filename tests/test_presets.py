"""Named settings: each can be used, gives the same whatever was there before, and leaves the rest alone."""

import shutil
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides

from spampipe import cli, params, presets
from spampipe.core import settings, yaml12
from spampipe.core.errors import ParamsError
from spampipe.core.workspace import Workspace
from tests.support.project import ROOT

NAMES = sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))
COMMITTED = params.load(ROOT / "params.yaml")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A folder with the committed settings and presets, which commands take for a repository."""
    shutil.copytree(ROOT / "presets", tmp_path / "presets")
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return Workspace(tmp_path)


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    cli.main(["preset", *arguments])
    return capsys.readouterr().out


def applied(workspace: Workspace, name: str) -> params.Params:
    presets.apply(workspace, presets.changes(workspace, name))
    return params.load(workspace.params)


def test_the_default_preset_is_what_is_committed() -> None:
    """All of `model` and `train`; a key that is missing here belongs into presets/default.yaml."""
    document = yaml12.load((ROOT / "presets" / "default.yaml").read_text())
    assert document == {section: COMMITTED.model_dump()[section] for section in ("model", "train")}


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_can_be_used_and_says_what_it_is(workspace: Workspace, name: str) -> None:
    found = applied(workspace, name)
    own = settings.flat(yaml12.load((ROOT / "presets" / f"{name}.yaml").read_text()))
    changed = settings.changed(settings.flat(COMMITTED.model_dump()), settings.flat(found.model_dump()))
    assert changed == (own if name != "default" else {})  # so a preset holds no more than what differs
    assert len(presets.summaries(workspace)[name]) > 20


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("before", NAMES)
def test_a_preset_gives_the_same_whatever_was_there_before(workspace: Workspace, name: str, before: str) -> None:
    alone = applied(workspace, name)
    applied(workspace, before)
    assert applied(workspace, name) == alone


@pytest.mark.parametrize("name", NAMES)
def test_the_options_for_an_experiment_give_the_same_settings(workspace: Workspace, name: str, capsys) -> None:
    before = workspace.params.read_bytes()
    words = command(capsys, name, "--set").split()
    assert workspace.params.read_bytes() == before
    assert set(words[::2]) <= {"-S"}
    copy = workspace.root / "copy.yaml"
    shutil.copyfile(workspace.params, copy)
    apply_overrides(copy, words[1::2])
    assert params.load(copy) == applied(workspace, name)


def test_other_settings_and_comments_stay(workspace: Workspace, capsys) -> None:
    text = workspace.params.read_text().replace("dataset: sms-spam-collection", "dataset: own.tsv")
    workspace.params.write_text(text.replace("epochs: 4 ", "epochs: 7 ").replace("patience: null", "patience: 2"))
    shown = command(capsys, "book")
    assert shown.splitlines() == [
        "model.name\tsmollm2-135m\tgpt2-small",
        "model.position\tlast_real\tlast",
        "train.epochs\t7\t5",
        "train.learning_rate\t0.0002\t5e-05",
        "train.patience\t2\tnull",
    ]
    after = params.load(workspace.params)
    assert (after.download.dataset, after.train.epochs, after.train.patience) == ("own.tsv", 5, None)
    comments = [
        [line.partition("#")[2] for line in part.splitlines()] for part in (text, workspace.params.read_text())
    ]
    assert comments[0] == comments[1]
    assert command(capsys, "book") == ""  # nothing is left to change


def test_presets_are_listed_with_what_they_are(workspace: Workspace, capsys) -> None:
    listed = command(capsys, "--list")
    assert [line.split("\t")[0] for line in listed.splitlines()] == NAMES
    assert command(capsys) == listed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: {epoch: 5}", "presets/own.yaml: train.epoch: not in the preset default; did you mean train.epochs?"),
        ("train: {epochs: 0}", "presets/own.yaml: train.epochs: must be greater than or equal to 1, but is 0"),
        ("tokenize_pad: {max_length: 9}", "presets/own.yaml: tokenize_pad.max_length: not in the preset default; "),
        ("train: [", "own.yaml: cannot be read: line 1"),
        ("train: 5", "own.yaml: expected sections with settings, as in params.yaml"),
        ("", "own.yaml: expected sections with settings, as in params.yaml"),
    ],
)
def test_a_preset_that_cannot_be_used_is_one_line_and_changes_nothing(workspace: Workspace, text, message) -> None:
    (workspace.presets / "own.yaml").write_text(text)
    before = workspace.params.read_bytes()
    with pytest.raises(ParamsError) as caught:
        applied(workspace, "own")
    assert message in str(caught.value) and len(str(caught.value).splitlines()) == 1
    assert workspace.params.read_bytes() == before


@pytest.mark.usefixtures("workspace")
def test_an_unknown_preset_is_one_line_with_the_closest() -> None:
    with pytest.raises(SystemExit, match=r"^error: bok: no such preset; did you mean book\?$"):
        cli.main(["preset", "bok"])
