"""The MLflow store: all that is done to this project's runs in it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from spampipe.core.workspace import Workspace
from spampipe.tracking import connection, processes, recorded_runs
from spampipe.tracking.provenance import Dataset
from spampipe.tracking.recorded_runs import Point, RecordedRun

PROCESS_TAG = "spampipe.process"  # who writes to a run that is RUNNING
_MOST_RUNS = 1000
_BATCH = 1000  # metrics in one call; MLflow's limit


class Store:
    """An MLflow store, and this project's experiment in it.

    Attributes:
        client: MLflow's own client, for modules of this package only.
        experiment: the id of the experiment.
    """

    def __init__(self, client: Any, experiment: str) -> None:
        """Use what `connection` found; see `open` and `existing`."""
        self.client, self.experiment = client, experiment

    @classmethod
    def open(cls, workspace: Workspace) -> Self:
        """The store to write to; it and the experiment are made if they are not there.

        Runs that a process of this machine left RUNNING when it was killed are marked KILLED.

        Args:
            workspace: the workspace whose repository has the store, if the user names no other.

        Raises:
            StoreError: the store cannot be reached or read.
        """
        store = cls(*connection.create(workspace))
        store._mark_killed_runs()
        return store

    @classmethod
    def existing(cls, workspace: Workspace) -> Self | None:
        """The store to read from; nothing in it is changed.

        Args:
            workspace: the workspace whose repository has the store, if the user names no other.

        Returns:
            None where nothing has been recorded yet.

        Raises:
            StoreError: the store cannot be reached or read.
        """
        found = connection.find(workspace)
        return cls(*found) if found else None

    @property
    def address(self) -> str:
        """What MLflow calls the place of the store."""
        return str(self.client.tracking_uri)

    # --- runs ------------------------------------------------------------------------------------------------

    def create_run(self, name: str, tags: Mapping[str, str], settings: Mapping[str, Any]) -> str:
        """Begin a run, which this process writes to.

        Args:
            name: the run's name.
            tags: the run's tags, texts by name.
            settings: the values by `section.key`.

        Returns:
            The run's id.
        """
        from mlflow.entities import Param

        process = {PROCESS_TAG: processes.this_process()}
        created = self.client.create_run(self.experiment, run_name=name, tags={**tags, **process})
        run_id = str(created.info.run_id)
        self.client.log_batch(run_id, params=[Param(key, str(value)) for key, value in settings.items()])
        return run_id

    def reopen_run(self, run_id: str) -> None:
        """Have a run be RUNNING again, with this process as the one that writes to it.

        Args:
            run_id: the run's id.
        """
        self.client.update_run(run_id, status="RUNNING")
        self.set_tag(run_id, PROCESS_TAG, processes.this_process())

    def end_run(self, run_id: str, status: str) -> None:
        """Set the final status of a run.

        Args:
            run_id: the run's id.
            status: FINISHED, FAILED or KILLED.
        """
        self.client.set_terminated(run_id, status)

    def run(self, run_id: str) -> RecordedRun:
        """A run that is known to be in the store.

        Args:
            run_id: the run's id.
        """
        return recorded_runs.of_mlflow(self.client.get_run(run_id))

    def find_run(self, run_id: str) -> RecordedRun | None:
        """The run of this project that has this id; None if there is none.

        Args:
            run_id: 32 hexadecimal digits.
        """
        found = self.client.search_runs([self.experiment], f"attributes.run_id = '{run_id}'")
        return recorded_runs.of_mlflow(found[0]) if found else None

    def runs_tagged(self, tag: str, value: str) -> list[RecordedRun]:
        """The runs whose tag of this name has this value, the newest first.

        Args:
            tag: the tag's name.
            value: the value that the tag must have.
        """
        wanted = f"tags.`{tag}` = '{value}'"
        found = self.client.search_runs([self.experiment], wanted, order_by=["start_time DESC"])
        return [recorded_runs.of_mlflow(run) for run in found]

    def set_tag(self, run_id: str, name: str, value: str) -> None:
        """Give a run a tag, or another value of it.

        Args:
            run_id: the run's id.
            name: the tag's name.
            value: the tag's new value.
        """
        self.client.set_tag(run_id, name, value)

    # --- what a run holds ------------------------------------------------------------------------------------

    def log_metrics(self, run_id: str, points: Sequence[Point]) -> None:
        """Add points to the metrics of a run.

        Values are rounded to five digits, as MLflow shows all that it gets; whole numbers stay as they are.

        Args:
            run_id: the run's id.
            points: the points to add, of any metrics and in any order.
        """
        from mlflow.entities import Metric

        metrics = [Metric(name, _shown(value), int(1000 * when), step) for name, value, when, step in points]
        for start in range(0, len(metrics), _BATCH):
            self.client.log_batch(run_id, metrics=metrics[start : start + _BATCH])

    def points(self, run_id: str, name: str) -> list[Point]:
        """All points of one metric of a run; none if it has no such metric.

        Args:
            run_id: the run's id.
            name: the metric's name.
        """
        found = self.client.get_metric_history(run_id, name)
        return [Point(name, point.value, point.timestamp / 1000, point.step) for point in found]

    def log_file(self, run_id: str, path: Path, folder: str = "") -> None:
        """Store a file, or all that lies in a directory, with a run.

        Args:
            run_id: the run's id.
            path: the file or directory.
            folder: the folder among the run's files that it is put into; empty for the top.
        """
        log = self.client.log_artifacts if path.is_dir() else self.client.log_artifact
        log(run_id, str(path), folder or None)

    def log_text(self, run_id: str, text: str, name: str) -> None:
        """Store a text as a file of a run.

        Args:
            run_id: the run's id.
            text: the text.
            name: the file's path among the run's files, such as logs/train.log.
        """
        self.client.log_text(run_id, text, name)

    def file_names(self, run_id: str, folder: str = "") -> set[str]:
        """The names, without their folder, of the files and folders in a folder of a run.

        Args:
            run_id: the run's id.
            folder: the folder's path among the run's files; empty for the top.
        """
        return {Path(found.path).name for found in self.client.list_artifacts(run_id, folder or None)}

    def download(self, run_id: str, name: str, folder: Path) -> Path:
        """Fetch a file of a run into a folder, and return its path there.

        Args:
            run_id: the run's id.
            name: the file's path among the run's files.
            folder: the folder to write to, which exists already.
        """
        return Path(self.client.download_artifacts(run_id, name, str(folder)))

    def log_datasets(self, run_id: str, datasets: Iterable[Dataset]) -> None:
        """Record files of messages as inputs of a run, under DVC's md5 and with their counts by label.

        Args:
            run_id: the run's id.
            datasets: the files of messages.
        """
        from mlflow.entities import Dataset as Input
        from mlflow.entities import DatasetInput, InputTag
        from mlflow.exceptions import MlflowException

        inputs = []
        for each in datasets:
            profile = json.dumps({"num_rows": sum(each.counts.values()), **each.counts})
            source = json.dumps({"path": each.name, "md5": each.md5})
            data = Input(each.name, each.md5, source_type="dvc", source=source, profile=profile)
            inputs.append(DatasetInput(data, [InputTag("mlflow.data.context", each.context)]))
        try:
            self.client.log_inputs(run_id, inputs)
        except MlflowException:  # another client made the same datasets after MLflow had looked for them
            self.client.log_inputs(run_id, inputs)

    def _mark_killed_runs(self) -> None:
        """Mark as KILLED the runs whose process was on this machine and has ended."""
        running = "attributes.status = 'RUNNING'"
        for run in self.client.search_runs([self.experiment], running, max_results=_MOST_RUNS):
            if processes.has_ended(run.data.tags.get(PROCESS_TAG, "")):
                self.end_run(run.info.run_id, "KILLED")


def _shown(value: float) -> float:
    return value if float(value).is_integer() else float(f"{value:.5g}")
