"""Tables of contenders: what each is worth, what it costs, and how it differs from the reference."""

from collections.abc import Mapping, Sequence
from typing import Any

from spampipe.crossvalidation import curve_outputs, curve_settings
from spampipe.crossvalidation.judging import MCNEMAR

_SHOWN = {  # heading, factor and digits of the metrics that a table has room for, in its order
    "errors": ("errors", 1, 0),
    "accuracy": ("accuracy %", 100, 2),
    "macro_f1": ("macro F1 %", 100, 2),
    "f1": ("F1 %", 100, 2),
    "false_negative_rate_at_fpr_0.001": ("missed at 0.1 % lost, %", 100, 1),
    "false_negative_rate_at_fpr_0.005": ("missed at 0.5 % lost, %", 100, 1),
    "false_positive_rate": ("lost %", 100, 2),
    "false_negative_rate": ("missed %", 100, 1),
    "average_precision": ("average precision %", 100, 2),
    "one_minus_roc_auc_percent": ("1 - ROC area, %", 1, 3),
    "lam_percent": ("lam %", 1, 2),
    "total_cost_ratio_lambda_50": ("cost ratio", 1, 1),
    "brier_score": ("Brier", 1, 4),
    "log_loss": ("log loss", 1, 3),
    "expected_calibration_error": ("calibration error %", 100, 1),
}
_SUMMARY = (
    "errors",
    "accuracy",
    "macro_f1",
    "f1",
    "false_negative_rate_at_fpr_0.001",
    "average_precision",
    "log_loss",
)
_ON_CURVES = {name: name for name in curve_outputs.METRICS} | {"missed_at_0.5": "false_negative_rate_at_fpr_0.005"}
_SIZES = {curve_settings.ALL: "all", str(curve_settings.NO_MESSAGES): "none"}
_LESS_WITH_POSITIVE = ("accuracy", "macro_f1")  # left out where F1 of the positive label says more

Figures = Mapping[str, Mapping[str, Mapping[str, float | None]]]


def worth(found: Figures, says: Mapping[str, str]) -> list[list[str]]:
    """A heading, and a row for each contender: every metric with its 95 % interval.

    Args:
        found: metrics by the contender's name and the metric's.
        says: a few words about each contender; those without are left out.
    """
    names = [name for name in _SHOWN if any(name in row for row in found.values())]
    if "f1" in names:
        names = [name for name in names if name not in _LESS_WITH_POSITIVE]
    rows = [["", *(_SHOWN[name][0] for name in names)]]
    for contender, words in says.items():
        if contender in found:
            rows.append([words, *(_cell(name, found[contender].get(name, {})) for name in names)])
    return rows


def cost(found: Mapping[str, Mapping[str, float | int | None]], says: Mapping[str, str]) -> list[list[str]]:
    """A heading, and a row for each contender: parameters, seconds of all folds, milliseconds a message, memory.

    Args:
        found: figures by the contender's name.
        says: a few words about each contender; those without are left out.
    """
    rows = [["", "parameters", "trained", "seconds to train, all folds", "milliseconds a message", "memory, MB"]]
    for contender, words in says.items():
        if contender in found:
            row = found[contender]
            counts = ["-" if row[name] is None else f"{row[name]:,}" for name in ("parameters", "trained_parameters")]
            seconds, milliseconds = row["training_seconds"], row["milliseconds_a_message"]
            peak = row.get("peak_bytes")
            memory = "-" if peak is None else f"{peak / 1e6:,.0f}"
            rows.append([words, *counts, f"{seconds:,.0f}", f"{milliseconds:.2f}", memory])
    return rows


def summary(
    found: Figures, costs: Mapping[str, Mapping[str, float | int | None]], says: Mapping[str, str]
) -> list[list[str]]:
    """A heading, and a row for each contender: the metrics that say most, with 95 % intervals, and its cost.

    Args:
        found: metrics by the contender's name and the metric's.
        costs: figures by the contender's name.
        says: a few words about each contender; those without are left out.
    """
    shown = {name: row for name, row in found.items() if name in costs}
    chosen = {
        contender: {name: figure for name, figure in row.items() if name in _SUMMARY}
        for contender, row in shown.items()
    }
    return [first + second[1:] for first, second in zip(worth(chosen, says), cost(costs, says), strict=True)]


def differences(found: Mapping[str, Mapping[str, Any]], says: Mapping[str, str]) -> list[list[str]]:
    """A heading, and a row for each contender: how it differs from the reference, and how likely by chance.

    Args:
        found: what `judging.comparisons` found.
        says: a few words about each contender; those without are left out.
    """
    names = list(next(iter(found.values()), {}))
    rows = [["", *("more right, messages" if name == MCNEMAR else _SHOWN[name][0] for name in names)]]
    for contender, words in says.items():
        if contender in found:
            rows.append([words, *(_difference(name, found[contender][name]) for name in names)])
    return rows


def curve(found: Mapping[str, Any], says: Mapping[str, str]) -> list[list[str]]:
    """A heading, and for each metric a row for each contender: the mean over draws with its interval, size by size.

    Args:
        found: what `curve_outputs.means` returned.
        says: a few words about each contender; those without are left out.
    """
    sizes = curve_outputs.sizes(found)
    rows = [["", "", *(_SIZES.get(size) or f"{int(size):,}" for size in sizes)]]
    for name in curve_outputs.METRICS:
        for contender, words in says.items():
            entries = found.get(contender, {})
            if any(name in entry for entry in entries.values()):
                rows.append([words, _SHOWN[_ON_CURVES[name]][0]])
                rows[-1] += [_cell(_ON_CURVES[name], entries.get(size, {}).get(name, {})) for size in sizes]
    return rows


def text(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines, columns separated by tabs.

    Args:
        rows: of equally many cells.
    """
    return "\n".join("\t".join(row) for row in rows)


def _cell(name: str, figure: Mapping[str, float | None]) -> str:
    _, factor, digits = _SHOWN[name]
    value, low, high = (figure.get(each) for each in ("value", "low", "high"))
    if value is None:
        return "-"
    shown = f"{factor * value:.{digits}f}"
    if low is None or high is None:
        return shown
    return f"{shown} [{factor * low:.{digits}f}, {factor * high:.{digits}f}]"


def _difference(name: str, figure: Mapping[str, float | None]) -> str:
    value, chance = figure["value"], figure["corrected"]
    if value is None or chance is None:
        return "-"
    _, factor, digits = ("", 1, 0) if name == MCNEMAR else _SHOWN[name]
    return f"{factor * value:+.{digits}f} (p {'< 0.001' if chance < 0.001 else f'= {chance:.3f}'})"
