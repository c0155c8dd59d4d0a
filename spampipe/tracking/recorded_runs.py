"""What the store holds of a run, free of MLflow's own classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Point(NamedTuple):
    """One value of a metric.

    Attributes:
        name: the metric.
        value: the value.
        when: seconds since 1970.
        step: the batch of training that it was taken after; 0 for a metric that has one value only.
    """

    name: str
    value: float
    when: float
    step: int


@dataclass(frozen=True)
class RecordedRun:
    """What the store holds of a run.

    Attributes:
        run_id: its id.
        name: what people call it.
        status: RUNNING, FINISHED, FAILED or KILLED.
        began: seconds since 1970.
        tags: texts by name.
        metrics: the last value of each metric.
        model_id: the id of the model stored with it; None if there is none.
    """

    run_id: str
    name: str
    status: str
    began: float
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    model_id: str | None


def of_mlflow(run: Any) -> RecordedRun:
    """What is of interest in MLflow's own description of a run.

    Args:
        run: the run, an mlflow.entities.Run.
    """
    models = run.outputs.model_outputs if run.outputs else []
    return RecordedRun(
        run_id=str(run.info.run_id),
        name=str(run.info.run_name),
        status=str(run.info.status),
        began=run.info.start_time / 1000,
        tags=run.data.tags,
        metrics=run.data.metrics,
        model_id=str(models[0].model_id) if models else None,
    )
