"""The quality gate: metrics against committed bounds, and against another result beyond noise."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spampipe import params
from spampipe.core import files, paths
from spampipe.core.errors import DataError, QualityError
from spampipe.evaluation import reports
from spampipe.results import answers, history
from spampipe.results.history import Revision


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Attributes:
        what: it is about.
        passed: whether it is good enough.
        detail: the figures.
    """

    what: str
    passed: bool
    detail: str

    def line(self) -> str:
        """As a line of tab-separated text."""
        return f"{'ok' if self.passed else 'FAILED'}\t{self.what}\t{self.detail}"


def check(workspace: Path = Path(), revision: Revision | None = None) -> list[Finding]:
    """Check the results of a workspace.

    Args:
        workspace: holds params.yaml and reports/.
        revision: whose predictions must not be better beyond noise; None: only the bounds are checked.

    Raises:
        DataError: there are no results, or they lack a metric that has a bound.
    """
    settings = params.load(workspace / paths.PARAMS).check
    metrics = read_metrics(workspace / paths.EVALUATE_METRICS)
    findings = []
    for bounds, sign, symbol in ((settings.minimum, 1, ">="), (settings.maximum, -1, "<=")):
        for name, bound in bounds.items():
            if name not in metrics:
                raise DataError(f"{workspace / paths.EVALUATE_METRICS}: has no {name}; run `dvc repro`")
            value = metrics[name]
            passed = value is not None and sign * (value - bound) >= 0
            findings.append(Finding(name, passed, f"{value} {symbol} {bound}"))
    if revision is not None:
        with history.files_of(revision, [paths.PREDICTIONS]) as folder:
            before, after = read_predictions(folder), read_predictions(workspace)
        findings += [
            compare(split, before, after, settings.significance, revision.title) for split in answers.COMPARED
        ]
    return findings


def compare(split: str, before: pd.DataFrame, after: pd.DataFrame, level: float, title: str) -> Finding:
    """Whether the right answers have become fewer than chance explains.

    Args:
        split: whose messages.
        before: predictions of the other result, as `reports.tabulate` makes them.
        after: of this one.
        level: the probability under which a loss is taken for real.
        title: of the other result.
    """
    found = answers.difference(split, before, after)
    return Finding(f"{split} messages", found.beyond_chance(level) >= 0, found.words(title, level))


def require(findings: Sequence[Finding]) -> None:
    """Insist that all passed.

    Raises:
        QualityError: naming what did not.
    """
    failed = [finding for finding in findings if not finding.passed]
    if failed:
        reasons = "; ".join(f"{finding.what}: {finding.detail}" for finding in failed)
        raise QualityError(f"not good enough: {reasons}; improve the model, or change `check` in params.yaml")


def read_predictions(workspace: Path) -> pd.DataFrame:
    """All predictions of a workspace."""
    return files.read_csv(workspace / paths.PREDICTIONS, reports.PREDICTION_COLUMNS)


def read_metrics(path: Path) -> dict[str, float | None]:
    """The figures of a metrics file.

    Raises:
        DataError: it is missing, or is not JSON.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro` or `dvc pull`") from None
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); run `dvc checkout`") from error
