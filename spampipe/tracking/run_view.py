"""What MLflow's page of the runs shows first: a description of the experiment, and a saved view of its runs."""

import json
from collections.abc import Mapping

from spampipe.data.labels import LabelSet
from spampipe.evaluation import metrics
from spampipe.tracking.store import Store

VIEW = "overview"  # stores that have a view of this name keep it: another one needs another name
DESCRIPTION_TAG = "mlflow.note.content"
KIND_TAG = "mlflow.experimentKind"  # without it MLflow asks whether the runs are of a model or of an agent
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"

# The widths of the columns, in pixels, from left to right; MLflow shows no others but the check box.
_COLUMNS = {
    "attributes.`Run Name`": 200,
    "runDateAndNestInfo": 145,  # MLflow's name for the column Created, which it keeps here
    "params.`train.learning_rate`": 155,
    "params.`train.epochs`": 120,
    "tags.`changed`": 215,  # from the baseline; provenance.CHANGED_TAG
    "metrics.`test_accuracy`": 125,
    "metrics.`test_recall`": 105,
    "metrics.`test_macro_f1`": 125,
    "metrics.`leftover_false_positive_rate`": 215,
    "metrics.`validation_accuracy`": 160,
    "duration": 90,
    "params.`train.seed`": 105,
    "params.`model.name`": 120,
    "params.`model.trainable`": 145,
    "tags.`dvc.experiment`": 135,
}

_METRIC = "metrics."

# The groups of charts, from the top down, and whether they are open; MLflow puts every metric's chart into its group.
CHARTS = {
    "train": True,
    "validation": True,
    "Model metrics": True,
    "baseline": False,
    "time": False,
    "memory": False,
    "System metrics": False,
}

_OTHERS = """\
| `train/loss`, `validation/loss`, `train/accuracy`, `validation/accuracy` | the curves, over the steps |
| `train/epoch_loss`, `validation/epoch_loss` | the losses over all messages, after each epoch |
| `test_*_copies`, `validation_*_copies` | the share of the messages that stand in train as well, word for word or \
nearly |
| `versus/*` | the metrics of models that cost next to nothing, on the same messages |
| `train/examples_per_second`, `time/*`, `memory/*`, `system/*` | what the run cost |"""


def description(labels: LabelSet | None) -> str:
    """What the page says about the runs, in Markdown.

    Args:
        labels: the label set of the runs, which decides what metrics they have; None if it is not known.
    """
    table = "\n".join(f"| `{name}` | {says} |" for name, says in _described(labels).items())
    return f"""\
**A run is one trained and evaluated model.** Tick two or more and press *Compare*; the chart icon above the table \
draws all curves.

| metric | what it says |
|---|---|
{table}
{_OTHERS}

The params are those of `params.yaml`. The tags say which commit, data and packages a run was made from; \
`changed` holds the settings that differ from that commit's; `dvc.experiment` is the name for `dvc exp apply`. Its \
reports and figures are under *Artifacts*.
"""


def columns(labels: LabelSet | None) -> dict[str, int]:
    """The columns of the view, from left to right, and their widths in pixels.

    Args:
        labels: the label set of the runs; a metric that the runs do not have gets no column. None if it is not known.
    """
    known = _described(labels)
    return {
        name: width
        for name, width in _COLUMNS.items()
        if not name.startswith(_METRIC) or name.removeprefix(_METRIC).strip("`") in known
    }


def prepare(store: Store, labels: LabelSet | None) -> None:
    """Give the experiment its description, kind and saved view; what it has already, the user may have changed.

    Args:
        store: the store, which holds the experiment.
        labels: the label set of the runs; None if it is not known.
    """
    found = store.client.get_experiment(store.experiment)
    for tag, value in _tags(found.creation_time, labels).items():
        if tag not in found.tags:
            store.client.set_experiment_tag(store.experiment, tag, value)


def address(server: str, experiment: str) -> str:
    """Where the prepared view of an experiment is.

    Args:
        server: the address of a server that shows the store, such as http://127.0.0.1:5000.
        experiment: the experiment's id.
    """
    page = f"{server.rstrip('/')}/#/experiments/{experiment}/runs"
    return f"{page}?workflowType=machine_learning&viewStateShareKey={VIEW}"


def _described(labels: LabelSet | None) -> Mapping[str, str]:
    """What each metric of the evaluation says, by its name."""
    return metrics.DESCRIPTIONS if labels is None else metrics.described(labels)


def _tags(created: int, labels: LabelSet | None) -> dict[str, str]:
    """The experiment's tags.

    Args:
        created: when the experiment was made, in milliseconds since 1970.
        labels: the label set of the runs; None if it is not known.
    """
    widths = columns(labels)
    selected = [column for column in widths if "`" in column and not column.startswith("attributes.")]
    state = {
        "selectedColumns": selected,
        "columnOrder": list(widths),
        "columnWidths": widths,
        "compareRunCharts": [],
        "compareRunSections": [
            {"uuid": name, "name": name, "display": display, "isReordered": True} for name, display in CHARTS.items()
        ],
        "isAccordionReordered": True,  # keeps the order of the groups
    }
    view = {"name": VIEW, "createdAt": created, "state": json.dumps(state)}
    return {DESCRIPTION_TAG: description(labels), KIND_TAG: "custom_model_development", VIEW_TAG: json.dumps(view)}
