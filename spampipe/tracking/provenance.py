"""Where a result comes from: the code, the data and the machine."""

import getpass
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from spampipe.core import environment, files, settings, yaml12
from spampipe.core.errors import DataError
from spampipe.core.git import git_output
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.core.yaml12 import YamlError
from spampipe.data import corrections as data_corrections
from spampipe.data import labels, messages
from spampipe.tracking import dvc_lock

COMMIT_TAG = "mlflow.source.git.commit"
EXPERIMENT_TAG = "dvc.experiment"
BASELINE_TAG = "dvc.baseline"
DIRTY_TAG = "git.dirty"
LOCK_TAG = "dvc.lock_md5"
CORRECTIONS_FOLDER = "data"  # of a run's files
CHANGED_TAG = "changed"  # a column of the view, so its name is short
_PACKAGES = ("torch", "mlflow", "dvc", "spampipe")


@dataclass(frozen=True)
class Dataset:
    """A file of messages.

    Attributes:
        context: what it is used for: raw, train, validation, test, leftover.
        name: its path from the workspace's top, with slashes.
        md5: the digest that DVC has for it.
        counts: messages by the name of their label, in the order of the label set.
    """

    context: str
    name: str
    md5: str
    counts: dict[str, int]


def tags(workspace: Workspace) -> dict[str, str]:
    """All tags that say where a result comes from, by name.

    Those that are not known, such as the commit outside of git, are left out.

    Args:
        workspace: the workspace that the result is made in.
    """
    baseline = os.environ.get("DVC_EXP_BASELINE_REV") or "HEAD"
    origin = {**git(workspace), **experiment(), **changes(workspace, baseline, workspace)}
    return {**origin, **data(workspace), **versions(workspace), **device(), **user()}


def git(workspace: Workspace) -> dict[str, str]:
    """The commit, the branch, and whether tracked files differ from the commit.

    Args:
        workspace: the workspace, whose repository is asked.
    """
    commit = git_output("rev-parse", "HEAD", folder=workspace.root)
    branch = git_output("rev-parse", "--abbrev-ref", "HEAD", folder=workspace.root)
    if not commit:
        return {}
    found = {COMMIT_TAG: commit, DIRTY_TAG: str(bool(difference(workspace))).lower()}
    if branch and branch != "HEAD":  # detached, as in DVC's temporary copies
        found["mlflow.source.git.branch"] = branch
    return found


def difference(workspace: Workspace) -> str:
    """How tracked files differ from the commit, as `git diff` shows it; dvc.lock, which the run writes, is left out.

    Args:
        workspace: the workspace, whose tracked files are compared.
    """
    lock = workspace.name_of(workspace.lock)
    return git_output("diff", "HEAD", "--", ".", f":(exclude){lock}", folder=workspace.root) or ""


def experiment() -> dict[str, str]:
    """The DVC experiment's name and the commit it starts from, under `dvc exp run`."""
    variables = {EXPERIMENT_TAG: "DVC_EXP_NAME", BASELINE_TAG: "DVC_EXP_BASELINE_REV"}
    return {tag: os.environ[name] for tag, name in variables.items() if os.environ.get(name)}


def changes(workspace: Workspace, baseline: str, repository: Workspace) -> dict[str, str]:
    """The settings that differ from a commit's, such as `train.epochs=1`; nothing where none does.

    Args:
        workspace: the workspace, which holds the settings.
        baseline: the commit's hash, or any name git has for it.
        repository: the workspace whose repository has the commit.
    """
    name = workspace.name_of(workspace.params)
    committed = git_output("show", f"{baseline}:./{name}", folder=repository.root)
    if not committed or not workspace.params.exists():
        return {}
    old, new = (_settings(text) for text in (committed, workspace.params.read_text(encoding="utf-8")))
    changed = settings.changed(old, new) if old and new else {}
    text = ", ".join(f"{name}={settings.written(value)}" for name, value in changed.items())
    return {CHANGED_TAG: text} if text else {}


def data(workspace: Workspace) -> dict[str, str]:
    """The md5 of dvc.lock as it stands, and of the data as dvc.lock has it.

    Args:
        workspace: the workspace, whose dvc.lock is read.
    """
    if not workspace.lock.exists():
        return {}
    wanted = {
        workspace.raw_messages: "dvc.raw_md5",
        workspace.splits: "dvc.splits_md5",
        workspace.tokens: "dvc.tokens_md5",
    }
    outputs = dvc_lock.outputs(workspace.lock.read_text(encoding="utf-8"))
    located = {workspace.root / path: md5 for path, md5 in outputs.items()}
    known = {wanted[path]: md5 for path, md5 in located.items() if path in wanted}
    return {LOCK_TAG: files.digest(workspace.lock, "md5"), **known}


def corrections(workspace: Workspace, name: str) -> list[Path]:
    """The file of corrections, if it holds any.

    Args:
        workspace: the workspace that holds the label set.
        name: the file's path, as `balance.corrections` has it.

    Raises:
        DataError: the file, or the label set, is damaged.
    """
    path = workspace.root / name
    return [path] if path.exists() and data_corrections.read(path, labels.load(workspace.labels)) else []


def datasets(workspace: Workspace) -> Iterator[Dataset]:
    """The raw messages and every split of them, as far as they are there and can be read.

    Args:
        workspace: the workspace that holds the messages and the label set.
    """
    locations = {"raw": workspace.raw_messages}
    locations |= {split: workspace.split_csv(split) for split in (*SPLITS, LEFTOVER_SPLIT)}
    for context, path in locations.items():
        try:
            counts = _messages_by_label(workspace, path)
        except (OSError, DataError):
            continue
        yield Dataset(context, workspace.name_of(path), files.digest(path, "md5"), counts)


def versions(workspace: Workspace) -> dict[str, str]:
    """Python, the packages that decide a result, and the lock file they were installed from.

    Args:
        workspace: the workspace, whose lock file of packages is read.
    """
    found = {"version.python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[f"version.{package}"] = metadata.version(package)
        except metadata.PackageNotFoundError:  # run from a folder, not installed
            continue
    if workspace.requirements.exists():
        found["requirements.sha256"] = files.digest(workspace.requirements)
    return found


def device() -> dict[str, str]:
    """The GPU that this process computes on, and its CUDA; else the processor."""
    torch = environment.torch_on_cuda()
    if torch is None:
        return {"device.name": processor()}
    return {"device.name": torch.cuda.get_device_name(), "version.cuda": torch.version.cuda}


def processor() -> str:
    """The processor's name."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def user() -> dict[str, str]:
    """Who runs this."""
    try:
        return {"mlflow.user": getpass.getuser()}
    except (KeyError, OSError):  # a number without a name, as in some containers
        return {}


def _settings(text: str) -> dict[str, Any]:
    """The settings of a params.yaml that decide a result; none if the text is no params.yaml."""
    try:
        document = yaml12.load(text)
    except YamlError:
        return {}
    sections = document if isinstance(document, dict) else {}
    return settings.flat({name: section for name, section in sections.items() if name != "check"})


def _messages_by_label(workspace: Workspace, path: Path) -> dict[str, int]:
    """How many messages of a file have each label.

    Raises:
        DataError: the file, or the label set, is missing or damaged.
    """
    known = labels.load(workspace.labels)
    raw = path == workspace.raw_messages
    table = messages.parse(path.read_bytes(), path, known) if raw else messages.read(path, known)
    return {name: int((table["Label"] == index).sum()) for index, name in enumerate(known.names)}
