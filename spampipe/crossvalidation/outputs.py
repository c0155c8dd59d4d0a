"""What a cross-validation leaves in a folder: a CSV of answers a contender, the label set, metrics and costs.

Costs stand by themselves: they are measured, and another run has others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.crossvalidation import judging
from spampipe.crossvalidation.contenders import CURVE, Study
from spampipe.data import labels
from spampipe.evaluation import out_of_fold
from spampipe.evaluation.out_of_fold import OutOfFold

METRICS, COMPARISONS, COSTS = "metrics.json", "comparisons.json", "costs.json"
MEMORY = (
    "memory.json"  # the most memory that each contender takes, in bytes; benchmarks/contender_memory.py writes it
)
_LABELS = "labels.json"


@dataclass(frozen=True)
class Outcome:
    """What the cross-validation of one contender came to.

    Attributes:
        name: the contender's.
        answers: for every message.
        cost: figures by name: `training_seconds` of all folds, `milliseconds_a_message` (median over folds),
            `parameters` and `trained_parameters`; null where they do not apply.
    """

    name: str
    answers: OutOfFold
    cost: Mapping[str, float | int | None]


def write(folder: Path, outcome: Outcome) -> Path:
    """Put an outcome beside those of other contenders of the same study.

    Args:
        folder: made if missing; files of other contenders stay.
        outcome: of one contender.

    Returns:
        The CSV file of its answers.
    """
    path = folder / f"{outcome.name}.csv"
    folder.mkdir(parents=True, exist_ok=True)
    labels.save(folder / _LABELS, outcome.answers.label_set)
    out_of_fold.write(path, outcome.answers)
    costs = {**read_json(folder / COSTS), outcome.name: dict(outcome.cost)}
    files.write_json(folder / COSTS, dict(sorted(costs.items())))
    return path


def read(folder: Path) -> dict[str, OutOfFold]:
    """The answers of every contender in a folder.

    Args:
        folder: that `write` wrote to.

    Returns:
        Answers by the contenders' names, sorted.

    Raises:
        DataError: there are none, a file is damaged, or they are of different messages.
    """
    paths = sorted(path for path in folder.glob("*.csv") if path.stem != CURVE)
    if not paths:
        raise DataError(f"{folder}: holds no answers; run `spampipe crossvalidate`")
    known = labels.load(folder / _LABELS)
    found = {path.stem: out_of_fold.read(path, known) for path in paths}
    first = found[paths[0].stem]
    for path in paths[1:]:
        other = found[path.stem]
        if other.rows.tolist() != first.rows.tolist() or other.folds.tolist() != first.folds.tolist():
            raise DataError(f"{path}: not of the messages and folds of {paths[0].name}; cross-validate both again")
    return found


def read_one(path: Path) -> OutOfFold:
    """The answers of one contender, with the label set that lies beside them.

    Args:
        path: a CSV file that `write` wrote.

    Raises:
        DataError: the file or the label set is missing or damaged.
    """
    for needed in (path, path.parent / _LABELS):
        if not needed.is_file():
            raise DataError(f"{needed}: no such file; `spampipe crossvalidate` writes answers and their label set")
    return out_of_fold.read(path, labels.load(path.parent / _LABELS))


def judge(folder: Path, study: Study) -> None:
    """Write the metrics of all answers of a folder, and how they differ from those of the study's reference.

    Args:
        folder: that `write` wrote to.
        study: the contenders; answers of others are left out.

    Raises:
        DataError: as `read` raises.
    """
    found = {name: each for name, each in read(folder).items() if name in study.contenders}
    files.write_json(folder / METRICS, {name: judging.metrics(each) for name, each in found.items()})
    if study.reference in found:
        files.write_json(folder / COMPARISONS, judging.comparisons(found, study.reference))


def costs(folder: Path) -> dict[str, dict[str, Any]]:
    """The costs of every contender: those of `write`, and `peak_bytes`, the most memory, where it was measured.

    Several contenders together take as much as their largest member at most if they work one after the other; for
    them none is given.

    Args:
        folder: that `write` wrote to.

    Raises:
        DataError: a file is damaged.
    """
    memory = read_json(folder / MEMORY)
    return {name: {**found, "peak_bytes": memory.get(name)} for name, found in read_json(folder / COSTS).items()}


def read_json(path: Path) -> dict[str, Any]:
    """A file of figures that this module wrote; nothing if it is not there.

    Args:
        path: METRICS, COMPARISONS or COSTS in a folder.

    Raises:
        DataError: the file is damaged.
    """
    return files.read_json(path, "delete it and cross-validate again")
