"""Where a result comes from: the code, the data and the machine."""

import getpass
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from spampipe.core import environment, files, paths, settings, yaml12
from spampipe.core.errors import DataError
from spampipe.core.git import git_output
from spampipe.core.yaml12 import YamlError
from spampipe.data import messages

COMMIT_TAG = "mlflow.source.git.commit"
EXPERIMENT_TAG = "dvc.experiment"
BASELINE_TAG = "dvc.baseline"
DIRTY_TAG = "git.dirty"
LOCK_TAG = "dvc.lock_md5"
CHANGED_TAG = "changed"  # a column of the view, so its name is short
_PACKAGES = ("torch", "mlflow", "dvc", "spampipe")


@dataclass(frozen=True)
class Dataset:
    """A file of messages.

    Attributes:
        context: what it is used for: raw, train, validation, test, leftover.
        path: relative to the workspace.
        md5: the digest that DVC has for it.
        counts: messages by class.
    """

    context: str
    path: Path
    md5: str
    counts: dict[str, int]


def tags(workspace: Path = Path()) -> dict[str, str]:
    """All that is known, by the tag's name; what is not, such as a commit outside of git, is left out."""
    baseline = os.environ.get("DVC_EXP_BASELINE_REV") or "HEAD"
    origin = {**git(workspace), **experiment(), **changes(workspace / paths.PARAMS, baseline)}
    return {**origin, **data(workspace), **versions(workspace), **device(), **user()}


def git(workspace: Path) -> dict[str, str]:
    """The commit, the branch, and whether tracked files differ from the commit."""
    commit = git_output("rev-parse", "HEAD", folder=workspace)
    branch = git_output("rev-parse", "--abbrev-ref", "HEAD", folder=workspace)
    if not commit:
        return {}
    found = {COMMIT_TAG: commit, DIRTY_TAG: str(bool(difference(workspace))).lower()}
    if branch and branch != "HEAD":  # detached, as in DVC's temporary copies
        found["mlflow.source.git.branch"] = branch
    return found


def difference(workspace: Path = Path()) -> str:
    """What tracked files, apart from dvc.lock, which the run itself writes, differ by from the commit."""
    return git_output("diff", "HEAD", "--", ".", f":(exclude){paths.LOCK}", folder=workspace) or ""


def experiment() -> dict[str, str]:
    """The DVC experiment's name and the commit it starts from, under `dvc exp run`."""
    variables = {EXPERIMENT_TAG: "DVC_EXP_NAME", BASELINE_TAG: "DVC_EXP_BASELINE_REV"}
    return {tag: os.environ[name] for tag, name in variables.items() if os.environ.get(name)}


def changes(path: Path, baseline: str) -> dict[str, str]:
    """The settings that differ from a commit's, such as `train.epochs=1`; nothing where none does.

    Args:
        path: of the params.yaml that holds them.
        baseline: the commit, of the repository that this process is in.
    """
    committed = git_output("show", f"{baseline}:./{paths.PARAMS}")
    if not committed or not path.exists():
        return {}
    old, new = (_settings(text) for text in (committed, path.read_text(encoding="utf-8")))
    changed = settings.changed(old, new) if old and new else {}
    text = ", ".join(f"{name}={settings.written(value)}" for name, value in changed.items())
    return {CHANGED_TAG: text} if text else {}


def data(workspace: Path) -> dict[str, str]:
    """The md5 of dvc.lock as it stands, and of the data as dvc.lock has it."""
    lock = workspace / paths.LOCK
    if not lock.exists():
        return {}
    wanted = {
        paths.RAW_MESSAGES: "dvc.raw_md5",
        paths.SPLITS_FOLDER: "dvc.splits_md5",
        paths.TOKENS_FOLDER: "dvc.tokens_md5",
    }
    outputs = locked_outputs(lock.read_text(encoding="utf-8"))
    known = {wanted[path]: md5 for path, md5 in outputs.items() if path in wanted}
    return {LOCK_TAG: files.digest(lock, "md5"), **known}


def locked_outputs(lock: str) -> dict[Path, str]:
    """The md5 of every output in the text of a dvc.lock, in its order."""
    return {Path(output["path"]): output["md5"] for output in _outputs(_parsed(lock))}


def locked_params(lock: str) -> dict[str, Any]:
    """The settings that the results of a dvc.lock come from, by section or by `section.key`."""
    found: dict[str, Any] = {}
    for stage in _parsed(lock).get("stages", {}).values():
        found |= stage.get("params", {}).get(str(paths.PARAMS), {})
    return found


def datasets(workspace: Path = Path()) -> Iterator[Dataset]:
    """The raw messages and every split of them, as far as they are there and can be read."""
    locations = {"raw": paths.RAW_MESSAGES}
    locations |= {split: paths.split_csv(split) for split in (*paths.SPLITS, paths.LEFTOVER_SPLIT)}
    for context, path in locations.items():
        try:
            table = _read(workspace / path)
        except (OSError, DataError):
            continue
        counts = {name: int((table["Label"] == label).sum()) for label, name in enumerate(messages.LABELS)}
        yield Dataset(context, path, files.digest(workspace / path, "md5"), counts)


def versions(workspace: Path) -> dict[str, str]:
    """Python, the packages that decide a result, and the lock file they were installed from."""
    found = {"version.python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[f"version.{package}"] = metadata.version(package)
        except metadata.PackageNotFoundError:  # run from a folder, not installed
            continue
    requirements = workspace / paths.REQUIREMENTS
    if requirements.exists():
        found["requirements.sha256"] = files.digest(requirements)
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
    """Those of a params.yaml that decide a result; none if it is not one."""
    try:
        document = yaml12.load(text)
    except YamlError:
        return {}
    sections = document if isinstance(document, dict) else {}
    return settings.flat({name: section for name, section in sections.items() if name != "check"})


def _read(path: Path) -> pd.DataFrame:
    return messages.parse(path.read_bytes(), path) if path.name == paths.RAW_MESSAGES.name else messages.read(path)


def _parsed(lock: str) -> dict[str, Any]:
    try:
        return yaml12.load(lock) or {}
    except YamlError as error:
        raise DataError(f"{paths.LOCK}: {error}; run `dvc repro`, or `git checkout {paths.LOCK}`") from error


def _outputs(lock: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for stage in lock.get("stages", {}).values():
        yield from stage.get("outs", [])
