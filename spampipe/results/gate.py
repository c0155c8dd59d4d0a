"""The quality gate: metrics against committed bounds, and against another result beyond noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from spampipe import params
from spampipe.core.errors import DataError, QualityError
from spampipe.core.hints import closest
from spampipe.core.workspace import Workspace
from spampipe.evaluation import answers, readers
from spampipe.params import CheckParams
from spampipe.results import baseline, history, seed_groups
from spampipe.results.history import Revision
from spampipe.results.seed_groups import Group


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Attributes:
        what: what it is about, such as a metric's name.
        passed: whether it is good enough.
        detail: the figures that decided so.
    """

    what: str
    passed: bool
    detail: str

    def line(self) -> str:
        """As a line of tab-separated text."""
        return f"{'ok' if self.passed else 'FAILED'}\t{self.what}\t{self.detail}"


def check(workspace: Workspace, revision: Revision | None = None) -> list[Finding]:
    """Check the results of a workspace.

    Args:
        workspace: the workspace, which holds params.yaml and reports/.
        revision: the commit or experiment whose predictions must not be better beyond noise; None to check only
            the bounds.

    Raises:
        DataError: there are no results, or they lack a metric that has a bound.
    """
    settings = params.load(workspace.params).check
    findings = _bounds(settings, readers.read_metrics(workspace.evaluate_metrics), str(workspace.evaluate_metrics))
    beside = baseline.read(workspace)
    if beside.predictions:  # for information; what costs next to nothing may be as good
        lines = beside.beside(readers.read_predictions(workspace.predictions), settings.significance)
        findings += [Finding(f"beside {model}", True, words) for model, words in lines.items()]
    if revision is not None:
        with history.files_of(workspace, revision, [Workspace().predictions]) as theirs:
            before = readers.read_predictions(theirs.predictions)
        after = readers.read_predictions(workspace.predictions)
        findings += [
            compare(split, before, after, settings.significance, revision.title) for split in answers.COMPARED
        ]
    return findings


def check_seeds(workspace: Workspace, group: Group, other: Group | None = None) -> list[Finding]:
    """Check the mean of a group of seeds.

    Args:
        workspace: the workspace, which holds params.yaml.
        group: the group.
        other: the group that must not be better on average beyond chance; None to check only the bounds.

    Raises:
        DataError: a group has one seed only, or lacks a metric that has a bound.
    """
    settings = params.load(workspace.params).check
    means: dict[str, float | None] = {name: found.mean for name, found in group.spreads().items()}
    findings = _bounds(settings, means, group.name)
    if other is not None:
        for found in seed_groups.compare(other, group):
            passed = found.beyond_chance(settings.significance) >= 0
            findings.append(Finding(found.metric, passed, found.words(other.name, settings.significance)))
    return findings


def compare(split: str, before: pd.DataFrame, after: pd.DataFrame, level: float, title: str) -> Finding:
    """Whether the right answers have become fewer than chance explains.

    Args:
        split: the name of the split whose messages count.
        before: predictions of the other result, as `reports.predictions` makes them.
        after: predictions of this result.
        level: the probability under which a loss is taken for real.
        title: the other result's name in the text.
    """
    found = answers.difference(split, before, after)
    return Finding(f"{split} messages", found.beyond_chance(level) >= 0, found.words(title, level))


def fail_unless_passed(findings: Sequence[Finding]) -> None:
    """Fail if anything that was checked is not good enough.

    Args:
        findings: the findings of `check`.

    Raises:
        QualityError: naming what is not.
    """
    failed = [finding for finding in findings if not finding.passed]
    if failed:
        reasons = "; ".join(f"{finding.what}: {finding.detail}" for finding in failed)
        raise QualityError(f"not good enough: {reasons}; improve the model, or change `check` in params.yaml")


def _bounds(settings: CheckParams, metrics: Mapping[str, float | None], source: str) -> list[Finding]:
    """Hold metrics against their bounds; `source` is what an error calls the place of the metrics."""
    findings = []
    for bounds, sign, symbol in ((settings.minimum, 1, ">="), (settings.maximum, -1, "<=")):
        for name, bound in bounds.items():
            if name not in metrics:
                raise DataError(
                    f"{source}: has no {name} ({closest(name, metrics)}); change `check` in params.yaml, "
                    "or run `dvc repro`"
                )
            value = metrics[name]
            passed = value is not None and sign * (value - bound) >= 0
            findings.append(Finding(name, passed, f"{value} {symbol} {bound}"))
    return findings
