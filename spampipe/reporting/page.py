"""A result on one page: a single HTML file with everything in it."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spampipe.core import files, settings
from spampipe.core.workspace import Workspace
from spampipe.evaluation import reports
from spampipe.evaluation.explanations import Explanation
from spampipe.evaluation.intervals import Interval
from spampipe.reporting import contenders, shading, templates, wording
from spampipe.reporting.facts import Facts
from spampipe.reporting.studies import Study

FIGURES = {  # what stands below each figure, by the name of its file
    "loss": "Loss on batches while training",
    "accuracy": "Accuracy after each epoch",
    "epochs": "Loss over the whole set, after each epoch",
    "precision_recall": "Precision against recall, test messages",
    "confusion": "Actual against predicted label, test messages",
    "probabilities": "How many test messages have which probability, right and wrong answers apart",
    "reliability": "How often a probability holds true, test messages in bins; the number of messages at each point",
}
_MOST_MISTAKES = 50


def write(facts: Facts, workspace: Workspace, studies: Sequence[Study]) -> None:
    """Write the page.

    Args:
        facts: the result.
        workspace: holds the figures, and takes the page.
        studies: what other models made of the same data set.
    """
    files.write_bytes(workspace.report, html(facts, workspace.figures, studies).encode())


def html(facts: Facts, figures: Path, studies: Sequence[Study] = ()) -> str:
    """The page.

    Args:
        facts: the result.
        figures: the folder of the figures, PNG files with the names of FIGURES.
        studies: what other models made of the same data set.
    """
    found = contenders.all_of(facts)
    mistakes = reports.confident_mistakes(facts.predictions, "test", facts.labels)
    return templates.fill(
        "report.html",
        title=facts.title,
        verdict=" ".join(wording.verdict(facts, found)),
        threshold=wording.threshold(facts),
        rates=list(found[0].rates),
        f1="macro F1" if facts.labels.positive is None else "F1",
        contenders=[_row(each) for each in found],
        studies=studies,
        cost=cost(facts),
        figures=[(caption, _embedded(figures / f"{name}.png")) for name, caption in FIGURES.items()],
        probability="probability" if facts.labels.positive is None else f"probability of {facts.labels.positive}",
        mistakes=[_mistake(row, facts) for row in mistakes.head(_MOST_MISTAKES).to_dict("records")],
        shading=shading.MEANING,
        all_mistakes=len(mistakes),
        behaviour=[_group(row) for row in facts.behaviour.to_dict("records")],
        sections={
            name: {key: settings.written(value) for key, value in settings.flat(section).items()}
            for name, section in facts.settings.items()
        },
    )


def cost(facts: Facts) -> dict[str, str]:
    """How large the model is, by the words for it.

    Args:
        facts: the result.
    """
    found = {
        "parameters": wording.count(facts.parameters.get("parameters")),
        "trained parameters": wording.count(facts.parameters.get("trained_parameters")),
    }
    known = {name: value for name, value in found.items() if value != wording.UNDEFINED}
    return known | {Workspace().classifier_weights.as_posix(): wording.megabytes(facts.weights_bytes)}


def _row(found: contenders.Contender) -> dict[str, Any]:
    return {
        "name": found.name,
        "rates": [wording.interval(rate) for rate in found.rates.values()],
        "f1": wording.percent(found.f1),
    }


def _mistake(row: dict[Any, Any], facts: Facts) -> dict[Any, Any]:
    """A row of the table of mistakes, with its words shaded and the training messages that are like it."""
    found = facts.explanations.get(row["row"], Explanation((), ()))
    nearest = [
        {"label": facts.labels.names[near.label], "similarity": near.similarity, "text": near.text}
        for near in found.nearest
    ]
    return row | {"pieces": shading.pieces(row["text"], found.words), "nearest": nearest}


def _group(row: dict[Any, Any]) -> dict[str, Any]:
    """A row of the table of behaviour."""
    rate = Interval(row["failure_rate"], row["failure_rate_low"], row["failure_rate_high"])
    return row | {"rate": wording.interval(rate)}


def _embedded(path: Path) -> str:
    """An image as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
