"""What a cross-validation leaves in a folder: a CSV of answers a contender, the label set, and what each cost."""

import json
from collections.abc import Mapping
from pathlib import Path

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.crossvalidation.running import Outcome
from spampipe.data import labels
from spampipe.evaluation import out_of_fold
from spampipe.evaluation.out_of_fold import OutOfFold

_LABELS, _COSTS = "labels.json", "costs.json"


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
    costs = {**read_costs(folder), outcome.name: dict(outcome.cost)}
    files.write_json(folder / _COSTS, dict(sorted(costs.items())))
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
    paths = sorted(folder.glob("*.csv"))
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


def read_costs(folder: Path) -> dict[str, Mapping[str, float | int | None]]:
    """What every contender in a folder cost, as `Outcome.cost` has it; nothing if no cost was recorded.

    Args:
        folder: that `write` wrote to.

    Raises:
        DataError: the file is damaged.
    """
    path = folder / _COSTS
    try:
        found: dict[str, Mapping[str, float | int | None]] = json.loads(path.read_text(encoding="utf-8"))
        return found
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DataError(f"{path}: damaged ({error}); delete it and cross-validate again") from error
