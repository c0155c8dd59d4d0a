"""What a learning curve leaves in a folder: every training in a CSV, and the means over draws in JSON."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from spampipe.core import files
from spampipe.crossvalidation.contenders import CURVE
from spampipe.crossvalidation.curve_settings import ALL
from spampipe.evaluation.intervals import LEVEL

TRAININGS, MEANS, FIGURE = f"{CURVE}.csv", f"{CURVE}.json", CURVE
METRICS = ("accuracy", "average_precision", "missed_at_0.5")
_OPTIONAL = "missed_at_0.5"  # of label sets with a positive label
_CALLED = {"accuracy": "Accuracy, %", _OPTIONAL: "Missed at 0.5 % lost, %"}
_COLUMNS = {"contender": "str", "size": "str", "draw": "int64", "training_messages": "int64"}
_COLUMNS |= dict.fromkeys(METRICS, "float64")


@dataclass(frozen=True)
class Point:
    """What one training came to.

    Attributes:
        contender: the contender's name.
        size: how many training messages were asked for: a number, `all`, or 0 if none is learnt from.
        draw: the fold that they are from and that is tested, from 0.
        training_messages: how many there were.
        accuracy: the share of test messages that were given their own label.
        average_precision: of the positive label; without one, the mean over the labels, each against the rest.
        missed: the share of positives missed where 0.5 % of the negatives is lost; None without a positive label.
    """

    contender: str
    size: str
    draw: int
    training_messages: int
    accuracy: float
    average_precision: float
    missed: float | None


def write(folder: Path, points: Sequence[Point]) -> None:
    """Put the points of one contender beside those of others, and write the means anew.

    Args:
        folder: made if missing; rows of other contenders stay.
        points: all of one contender, at least one.

    Raises:
        DataError: the file that is there is damaged.
    """
    path = folder / TRAININGS
    table = pd.DataFrame([astuple(point) for point in points], columns=list(_COLUMNS))
    if path.exists():
        before = files.read_csv(path, _COLUMNS, optional=(_OPTIONAL,))
        table = pd.concat([before[before["contender"] != points[0].contender], table.astype(_COLUMNS)])
    ranked = table.assign(rank=[_rank(size) for size in table["size"]]).sort_values(["contender", "rank", "draw"])
    files.write_csv(path, ranked[list(_COLUMNS)], float_format="%.6g")
    written = files.read_csv(path, _COLUMNS, optional=(_OPTIONAL,))
    files.write_json(folder / MEANS, means(written))


def means(table: pd.DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    """The mean of each metric over the draws.

    Args:
        table: a row for each training, with the columns of the CSV file, sorted.

    Returns:
        By contender and size: `training_messages` (their mean), and for each metric that is defined `value`, `sd`
        (with one degree of freedom less than there are draws), and `low` and `high`, the bounds of the 95 % interval
        of the mean by Student's t, cut to 0 and 1; the last three are null for one draw.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for (contender, size), rows in table.groupby(["contender", "size"], sort=False):
        entry: dict[str, Any] = {"training_messages": round(float(rows["training_messages"].mean()), 1)}
        entry |= {name: _mean(rows[name]) for name in METRICS if rows[name].notna().all()}
        found.setdefault(str(contender), {})[str(size)] = entry
    return found


def drawn(found: Mapping[str, Any], says: Mapping[str, str]) -> tuple[pd.DataFrame, str]:
    """What a figure shows: of a label set with a positive label how much of it is missed, else the accuracy.

    Args:
        found: what `means` returned.
        says: a few words about each contender; those without are left out.

    Returns:
        Columns label, training_messages (0 for a contender that learns from none), value, low and high, in percent;
        and what the values are called.
    """
    entries = [(words, each) for name, words in says.items() for each in found.get(name, {}).values()]
    metric = _OPTIONAL if all(_OPTIONAL in each for _, each in entries) else "accuracy"
    rows, bounds = [], ("value", "low", "high")
    for words, each in entries:
        numbers = (each[metric][name] for name in bounds)
        shown = (math.nan if number is None else 100 * number for number in numbers)
        rows.append((words, each["training_messages"], *shown))
    return pd.DataFrame(rows, columns=["label", "training_messages", *bounds]), _CALLED[metric]


def sizes(found: Mapping[str, Any]) -> list[str]:
    """All sizes of a curve, ascending; `all` comes last.

    Args:
        found: what `means` returned.
    """
    return sorted({size for rows in found.values() for size in rows}, key=_rank)


def _mean(values: "pd.Series[float]") -> dict[str, float | None]:
    from scipy.stats import t

    mean, count = float(values.mean()), len(values)
    if count == 1:
        return {"value": mean, "sd": None, "low": None, "high": None}
    deviation = float(values.std())
    reach = float(t.ppf((1 + LEVEL) / 2, count - 1)) * deviation / math.sqrt(count)
    return {"value": mean, "sd": deviation, "low": max(0.0, mean - reach), "high": min(1.0, mean + reach)}


def _rank(size: str) -> float:
    return math.inf if size == ALL else float(size)
