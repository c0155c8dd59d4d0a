"""Which run, experiment, model and revision belong together."""

import re
from dataclasses import dataclass
from typing import Any

from spampipe import history, run_store, runs
from spampipe.errors import DataError

_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Places:
    """Where one model is known.

    Attributes:
        model_md5: of the model file.
        runs: the id, name and status of each MLflow run.
        experiments: the name and commit of each DVC experiment.
        revisions: each commit that holds it, and what else it is called.
    """

    model_md5: str
    runs: list[tuple[str, str, str]]
    experiments: list[tuple[str, str]]
    revisions: list[tuple[str, str]]

    def lines(self) -> list[str]:
        """One line a place: its kind, and what it is called, separated by tabs."""
        rows = [("model", self.model_md5), *(("run", *run) for run in self.runs)]
        rows += [("experiment", *experiment) for experiment in self.experiments]
        rows += [("revision", *revision) for revision in self.revisions]
        return ["\t".join(part for part in row if part) for row in rows]


def where(name: str) -> Places:
    """Find all places of a result.

    Args:
        name: an experiment's name, a model's md5, a run's id, or a git revision.

    Raises:
        DataError: it is none of them, or no model belongs to it.
        StoreError: the MLflow store cannot be reached.
    """
    client, experiment = run_store.require()
    known = history.experiments()
    md5 = _md5_of(client, experiment, name)
    found = [(run.info.run_id, run.info.run_name, run.info.status) for run in runs.of_model(client, experiment, md5)]
    commits = history.commits_with(md5)
    return Places(
        md5,
        found,
        [(each.experiment, each.commit) for each in known if history.model_md5(each.commit) == md5],
        [(commit, " ".join(history.names_of(commit))) for commit in commits],
    )


def _md5_of(client: Any, experiment: str, name: str) -> str:
    if _MD5.fullmatch(name):
        for run in client.search_runs([experiment], f"attributes.run_id = '{name}'"):
            if runs.MODEL_TAG not in run.data.tags:
                raise DataError(f"run {name}: it has made no model; its status is {run.info.status}")
            return str(run.data.tags[runs.MODEL_TAG])
        return name
    revision = history.resolve(name)
    md5 = history.model_md5(revision.commit)
    if md5 is None:
        raise DataError(f"{name}: its dvc.lock names no model; the pipeline has not run there")
    return md5
