"""The table of what to pick when: each way to train beside what the studies found of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.tables import NotMeasuredError, markdown
from spampipe.crossvalidation import curve_outputs, outputs

SMS, TREC = Path("studies/sms"), Path("studies/trec")
FEW = {SMS: "16", TREC: "256"}  # labelled messages, of the columns about few of them

# How `dvc exp run` or `spampipe preset` is asked for it, and the name that the studies have for it.
CHOICES = {
    "`-S model.name=tfidf-svm`": "svm",
    "`preset best`": "svm+probe",
    "`preset fast`": "minilm",
    "`-S model.trainable=last_block`": "last_block",
    "`-S model.depth=23`": "depth",
    "`-S model.trainable=probe`": "probe",
    "`-S model.trainable=lora`": "lora",
}


def choice() -> str:
    """Ways to train beside figures of both studies.

    Raises:
        NotMeasuredError: there are none yet.
    """
    metrics, curves = (
        {place: outputs.read_json(place / file) for place in FEW} for file in (outputs.METRICS, curve_outputs.MEANS)
    )
    costs = outputs.read_json(SMS / outputs.COSTS)
    if not metrics[SMS]:
        raise NotMeasuredError("not measured yet; run `spampipe crossvalidate studies/sms.yaml`")
    head = ["", "SMS: errors", "spam missed at 0.5 % lost, %", f"with {FEW[SMS]} messages: average precision %"]
    head += ["TREC: accuracy %", f"with {FEW[TREC]} messages: accuracy %", "milliseconds a message"]
    body = []
    for words, name in CHOICES.items():
        sms, trec = metrics[SMS].get(name, {}), metrics[TREC].get(name, {})
        cells = [
            _percent(sms, "errors", factor=1, digits=0),
            _percent(sms, "false_negative_rate_at_fpr_0.005"),
            _percent(_few(curves, SMS, name), "average_precision"),
            _percent(trec, "accuracy"),
            _percent(_few(curves, TREC, name), "accuracy"),
            f"{costs[name]['milliseconds_a_message']:.1f}" if name in costs else "-",
        ]
        if any(cell != "-" for cell in cells):
            body.append([words, *cells])
    return markdown(head, body)


def _few(curves: Mapping[Path, Mapping[str, Any]], study: Path, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = curves[study].get(name, {}).get(FEW[study], {})
    return found


def _percent(figures: Mapping[str, Any], name: str, factor: int = 100, digits: int = 1) -> str:
    value = figures.get(name, {}).get("value")
    return "-" if value is None else f"{factor * value:.{digits}f}"


TABLES: dict[str, Callable[[], str]] = {"choice": choice}
