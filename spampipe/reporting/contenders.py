"""The model and those of the baseline side by side, on the same test messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spampipe.data.labels import LabelSet
from spampipe.evaluation import answers, intervals, reports
from spampipe.evaluation.answers import Difference
from spampipe.evaluation.intervals import Interval
from spampipe.reporting.facts import Facts, Figures

if TYPE_CHECKING:
    import pandas as pd

MODEL = "this model"
_ORDER = ("tfidf-svm", "tfidf-logistic", reports.MAJORITY)  # of the baseline's models; others follow


@dataclass(frozen=True)
class Contender:
    """One of the models.

    Attributes:
        name: MODEL, or the name that the baseline has for it.
        rates: shares of the test messages with Wilson's intervals, by their names: accuracy, and if there is a
            positive label precision, recall and false positive rate.
        f1: of the positive label, or the mean over the labels; None if it is not defined.
        difference: how the model's right answers differ from its; None for the model itself.
    """

    name: str
    rates: Mapping[str, Interval]
    f1: float | None
    difference: Difference | None


def f1_name(labels: LabelSet) -> str:
    """The name of the F1 that a label set has among the metrics.

    Args:
        labels: the label set.
    """
    return "test_macro_f1" if labels.positive is None else "test_f1"


def all_of(facts: Facts) -> list[Contender]:
    """The model first, then those of the baseline.

    Args:
        facts: the result.
    """
    beside = facts.baseline_predictions
    names = [name for name in _ORDER if name in beside] + [name for name in beside if name not in _ORDER]
    found = [_contender(MODEL, facts.test, facts.metrics, facts.labels, None)]
    for name in names:
        difference = answers.difference("test", beside[name], facts.predictions)
        table = beside[name][beside[name]["split"] == "test"]
        found.append(_contender(name, table, facts.baseline_metrics[name], facts.labels, difference))
    return found


def _contender(
    name: str, test: "pd.DataFrame", figures: Figures, labels: LabelSet, difference: Difference | None
) -> Contender:
    return Contender(name, _rates(test, labels), figures.get(f1_name(labels)), difference)


def _rates(test: "pd.DataFrame", labels: LabelSet) -> dict[str, Interval]:
    right = test["label"] == test["predicted"]
    found = {"accuracy": intervals.wilson(int(right.sum()), len(test))}
    if labels.positive is not None:
        has, given = (test[column] == labels.positive for column in ("label", "predicted"))
        both = int((has & given).sum())
        found |= {
            "precision": intervals.wilson(both, int(given.sum())),
            "recall": intervals.wilson(both, int(has.sum())),
            "false positive rate": intervals.wilson(int((~has & given).sum()), int((~has).sum())),
        }
    return found
