"""Run a revision's pipeline again, from nothing, and compare what comes out."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from spampipe.core import environment
from spampipe.core.errors import DataError, QualityError
from spampipe.core.workspace import Workspace
from spampipe.evaluation import metrics, readers
from spampipe.results import history
from spampipe.results.history import Revision
from spampipe.tracking import dvc_lock

_METRICS = (Workspace().train_metrics, Workspace().evaluate_metrics)
_DATA = ("data/", "models/base")  # made without floating point: the same everywhere


@dataclass(frozen=True)
class Verdict:
    """What came out.

    Attributes:
        outputs: the md5 of each output in dvc.lock, and the one it has now, None if it is missing; by its path.
        metrics: each metric's value there and here, by its name; empty where all bytes are the same.
    """

    outputs: dict[Path, tuple[str, str | None]]
    metrics: dict[str, tuple[float | None, float | None]]

    @property
    def differing(self) -> list[str]:
        """The outputs whose bytes are not the same."""
        return [path.as_posix() for path, (before, after) in self.outputs.items() if before != after]

    @property
    def identical(self) -> bool:
        """Whether every output has the same bytes."""
        return not self.differing

    def table(self) -> str:
        """One line an output, and one a metric where bytes differ."""
        width = max(len(path.as_posix()) for path in self.outputs)
        lines = [f"{'output':{width}}  {'dvc.lock':36}  {'now':36}"]
        for path, (before, after) in self.outputs.items():
            verdict = "identical" if before == after else "DIFFERS"
            lines.append(f"{path.as_posix():{width}}  {before:36}  {after or 'missing':36}  {verdict}")
        for name, (before_value, after_value) in self.metrics.items():
            verdict = "within" if self._within(name) else "BEYOND"
            lines.append(
                f"{name:{width}}  {before_value!s:36}  {after_value!s:36}  {verdict} {metrics.tolerance(name)}"
            )
        same = len(self.outputs) - len(self.differing)
        return "\n".join([*lines, f"{same} of {len(self.outputs)} outputs identical"])

    def fail_unless_same(self) -> None:
        """Fail unless bytes are the same, or, of what floating point decides, metrics are within their tolerances.

        Raises:
            QualityError: naming what differs.
        """
        exact = [name for name in self.differing if name.startswith(_DATA)]
        if exact:
            raise QualityError(f"{', '.join(exact)}: must have the same bytes on every machine; the code has changed")
        beyond = [name for name in self.metrics if not self._within(name)]
        if beyond:
            raise QualityError(f"{', '.join(beyond)}: beyond the tolerance; commit a dvc.lock that this code makes")
        if self.differing and not self.metrics:
            raise QualityError(f"{', '.join(self.differing)}: differs, and there are no metrics to compare")

    def _within(self, name: str) -> bool:
        before, after = self.metrics[name]
        if before is None or after is None:
            return before is after
        return abs(before - after) <= metrics.tolerance(name)


def verify(workspace: Workspace, revision: Revision) -> Verdict:
    """Run the pipeline of a revision in a temporary clone, without lock file, caches or tracking.

    Args:
        workspace: the workspace whose clone has the revision.
        revision: a commit or an experiment whose dvc.lock holds results.

    Raises:
        DataError: it has no results, or a stage fails.
    """
    committed = history.lock_text(workspace, revision.commit)
    if not committed:
        raise DataError(f"{revision.title}: no {Workspace().lock} there; run `dvc repro` and commit it")
    expected = dvc_lock.outputs(committed)
    with tempfile.TemporaryDirectory(prefix="spampipe-verify-") as name:
        clone = history.clone(workspace, revision, Path(name) / "clone")
        clone.lock.unlink()
        _run("config", "--local", "cache.dir", str(clone.root / ".dvc" / "cache"), folder=clone.root)
        _run("repro", "--no-run-cache", folder=clone.root)
        found = dvc_lock.outputs(clone.lock.read_text(encoding="utf-8"))
        verdict = Verdict({path: (md5, found.get(path)) for path, md5 in expected.items()}, {})
        if not verdict.identical:
            with history.files_of(workspace, revision, _METRICS) as theirs:
                before, after = _metrics(theirs), _metrics(clone)
            both = {name: (before.get(name), after.get(name)) for name in before | after}
            verdict = replace(verdict, metrics=both)
    return verdict


def _metrics(workspace: Workspace) -> dict[str, float | None]:
    return readers.read_metrics(workspace.train_metrics) | readers.read_metrics(workspace.evaluate_metrics)


def _run(*arguments: str, folder: Path) -> None:
    """DVC with this interpreter, also for the stages; what it prints goes to standard error."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
    variables |= {environment.TRACKING: "off", "DVC_NO_ANALYTICS": "1"}
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables.get('PATH', '')}"
    command = [sys.executable, "-m", "dvc", *arguments]
    finished = subprocess.run(command, cwd=folder, env=variables, stdout=sys.stderr, check=False)
    if finished.returncode:
        raise DataError(f"`dvc {' '.join(arguments)}` failed in a clean clone; what it printed says why")
