"""Every command works in a folder of the repository, and says where there is none."""

import shutil
from pathlib import Path

from spampipe.core.workspace import Workspace
from tests.support.repositories import copied, identify, run

TEXT = "WIN 5000 pounds now, text 3 to claim your prize"
CHECK, WHERE, REPORT, CLASSIFY = ("check", "HEAD"), ("where", "main"), ("report", "HEAD"), ("classify", TEXT)


def answers(folder: Path, *commands: tuple[str, ...]) -> list[str]:
    return [run(folder, "spampipe", *command).stdout for command in commands]


def test_commands_answer_in_a_subfolder_what_they_answer_at_the_top(repository: Path) -> None:
    folder = Workspace(repository).raw_messages.parent
    before = sorted(folder.iterdir())
    assert answers(folder, CLASSIFY) == answers(repository, CLASSIFY)
    assert answers(folder, ("register", "sms")) == ["sms\tversion 1\tchampion: the first\n"]
    assert sorted(folder.iterdir()) == before


def test_commands_work_where_the_repository_is_a_folder_of_gits(finished: Path, tmp_path: Path) -> None:
    top = copied(finished, tmp_path / "outer" / "pipeline")
    shutil.rmtree(top / ".git")
    run(tmp_path / "outer", "git", "init", "-q", "-b", "main")
    identify(top)
    run(top, "git", "add", "-A")
    run(top, "git", "commit", "-qm", "both")
    commit = run(top, "git", "rev-parse", "HEAD").stdout.strip()
    check, where, report = answers(top / "data" / "splits", CHECK, WHERE, REPORT)
    assert "ok\ttest messages\tno difference: 24 of 24 right" in check
    assert f"revision\t{commit}\tHEAD main" in where
    assert report.count("No difference.") == 3
    assert run(top / "data", "spampipe", "publish", "HEAD").stdout.startswith(f"{commit[:7]}\t")


OUTSIDE = ("classify hello", "generate hello", "ui", "publish", "where x", "verify", "check", "register x", "report")


def test_outside_of_a_repository_commands_say_so_and_make_nothing(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").touch()  # somebody else's pipeline
    folder = tmp_path / "folder"
    folder.mkdir()
    for command in OUTSIDE:
        failed = run(folder, "spampipe", *command.split(), check=False)
        assert (failed.returncode, failed.stdout) == (1, "")
        assert failed.stderr == (
            f"error: {folder} is in no repository of spampipe: no folder from here up holds dvc.yaml and "
            "params.yaml; go to one that does\n"
        )
    assert list(folder.iterdir()) == []


def test_what_needs_no_repository_works_outside_of_one(tmp_path: Path) -> None:
    generated = run(tmp_path, "spampipe", "generate", "hello", "--model", "gpt2-tiny", check=False)
    assert generated.stderr.startswith("error: gpt2-tiny has no pretrained weights")
    (tmp_path / "store.db").write_text("no database, which is noticed once it is opened " * 100)
    variables = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'store.db'}"}
    served = run(tmp_path, "spampipe", "ui", "--no-browser", check=False, variables=variables)
    assert "store.db cannot be used: " in served.stderr
