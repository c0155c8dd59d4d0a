"""Which run, experiment, model and revision belong together."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.results import history
from spampipe.results.history import Revision
from spampipe.tracking import runs
from spampipe.tracking.store import Store

logger = logging.getLogger(__name__)

_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Places:
    """Where one model is known.

    Attributes:
        model_md5: the md5 of the model file.
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


def where(workspace: Workspace, name: str) -> Places:
    """Find all places of a result. This changes nothing, and waits for no other command.

    Args:
        workspace: the workspace whose clone and store are searched.
        name: an experiment's name, a model's md5, a run's id, or a git revision.

    Raises:
        DataError: it is none of them, or no model belongs to it.
        StoreError: the MLflow store cannot be reached.
    """
    store, known = Store.existing(workspace), history.experiments(workspace)
    if store is None:
        logger.info("no run is recorded here yet; `spampipe publish` records results")
    md5 = _md5_of(workspace, store, known, name)
    recorded = runs.of_model(store, md5) if store else []
    commits = history.commits_with(workspace, md5)
    return Places(
        md5,
        [(run.run_id, run.name, run.status) for run in recorded],
        [(each.experiment, each.commit) for each in known if history.model_md5(workspace, each.commit) == md5],
        [(commit, " ".join(history.names_of(workspace, commit))) for commit in commits],
    )


def _md5_of(workspace: Workspace, store: Store | None, known: Sequence[Revision], name: str) -> str:
    """The md5 of the model that a name stands for."""
    if _MD5.fullmatch(name):
        run = store.find_run(name) if store else None
        if run is None:
            return name
        if runs.MODEL_TAG not in run.tags:
            raise DataError(f"run {name}: it has made no model; its status is {run.status}")
        return run.tags[runs.MODEL_TAG]
    md5 = history.model_md5(workspace, history.resolve(workspace, name, known).commit)
    if md5 is None:
        raise DataError(f"{name}: its dvc.lock names no model; the pipeline has not run there")
    return md5
