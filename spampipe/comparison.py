"""A pull request's result beside another revision's, as Markdown."""

import subprocess
import sys
from pathlib import Path

import pandas as pd

from spampipe import files, gate, history, params, paths, training_log
from spampipe.errors import DataError
from spampipe.history import Revision

_MOST_MESSAGES = 5  # shown of each kind
_MOST_POINTS = 40  # of a curve
_LONGEST_TEXT = 120
_DRAWN = {name: training_log.STEP_COLUMNS[name] for name in ("examples_seen", "validation_loss")}  # in any version


def markdown(revision: Revision, title: str) -> str:
    """Compare the workspace with a revision.

    Args:
        revision: whose results come first.
        title: what to call it.

    Returns:
        A verdict, the metrics and settings that differ, the messages judged otherwise, and the validation loss as
        a Mermaid chart.

    Raises:
        DataError: one of the two has no results.
    """
    level = params.load().check.significance
    with history.files_of(revision, [paths.PREDICTIONS, paths.TRAIN_STEPS]) as folder:
        before, after = gate.read_predictions(folder), gate.read_predictions(Path())
        steps = [files.read_csv(root / paths.TRAIN_STEPS, _DRAWN, others=True) for root in (folder, Path())]
    findings = [gate.compare(split, before, after, level, title) for split in gate.COMPARED]
    verdicts = [f"- {'✅' if finding.passed else '❌'} {finding.what}: {finding.detail}" for finding in findings]
    return "\n".join(
        [
            f"## Results beside {title}",
            "",
            *verdicts,
            "",
            *_section("Metrics", _difference("metrics", revision, title)),
            *_section("Settings", _difference("params", revision, title)),
            *_section("Test messages judged otherwise", _changed(before, after)),
            *_section(f"Validation loss: {title} first, this second", _chart(*steps)),
        ]
    )


def _section(title: str, body: str) -> list[str]:
    return [f"### {title}", "", body.strip() or "No difference.", ""]


def _difference(kind: str, revision: Revision, title: str) -> str:
    """DVC's table of the metrics or the params that differ; empty if none does."""
    command = [sys.executable, "-m", "dvc", kind, "diff", "--md", revision.commit]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    if asked.returncode:
        raise DataError(f"`dvc {kind} diff {title}` failed: {asked.stderr.strip()}")
    table = asked.stdout.strip().replace(revision.commit, title.ljust(len(revision.commit)))
    return table if table.count("\n") > 1 else ""


def _changed(before: pd.DataFrame, after: pd.DataFrame) -> str:
    """The test messages of both that one gets right and the other wrong."""
    old, new = (table[table["split"] == "test"].drop_duplicates("text") for table in (before, after))
    both = old.merge(new, on=["text", "label"], suffixes=("_before", "_after"))
    lines = []
    for heading, right, wrong in (("now right", "after", "before"), ("now wrong", "before", "after")):
        rows = both[both[f"predicted_{right}"].eq(both["label"]) & both[f"predicted_{wrong}"].ne(both["label"])]
        lines += [f"- {heading}: {_quoted(text)}" for text in rows["text"].head(_MOST_MESSAGES)]
        if len(rows) > _MOST_MESSAGES:
            lines.append(f"- {heading}: {len(rows) - _MOST_MESSAGES} more")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """A message as code, so that nothing in it is read as Markdown, a link or a mention."""
    line = " ".join(text.replace("`", "'").split())
    return f"`{line[:_LONGEST_TEXT]}{'…' if len(line) > _LONGEST_TEXT else ''}`"


def _chart(before: pd.DataFrame, after: pd.DataFrame) -> str:
    """Both curves on one axis; those of unequal length end where they end."""
    longest = max(len(before), len(after))
    stride = -(-longest // _MOST_POINTS)
    seen = (before if len(before) == longest else after)["examples_seen"]
    curves = [
        "  line [" + ", ".join(f"{value:.4f}" for value in table["validation_loss"][::stride]) + "]"
        for table in (before, after)
    ]
    axes = [f'  x-axis "messages seen" {seen.iloc[0]} --> {seen.iloc[-1]}', '  y-axis "validation loss"']
    return "\n".join(["```mermaid", "xychart-beta", *axes, *curves, "```"])
