"""Stores the trained classifier in a run as an MLflow model, which spampipe/tracking/serving.py loads."""

import shutil
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from spampipe.classifiers import decision
from spampipe.core.errors import StoreError, one_line
from spampipe.core.workspace import Workspace
from spampipe.tracking.store import Store

NAME = "classifier"
_ADDRESS = "models:/"  # how an address begins
EXAMPLE = ("Are we still meeting for lunch today?", "Your parcel will be delivered tomorrow between 9 and 12.")
_PACKAGES = (
    *("mlflow", "torch", "tiktoken", "tokenizers", "numpy", "scipy", "pandas", "pydantic", "PyYAML", "safetensors"),
    *("gguf", "huggingface-hub", "requests", "filelock", "platformdirs", "tqdm", "pip"),
)


def log(store: Store, run_id: str, workspace: Workspace) -> None:
    """Store the workspace's classifier in a run, unless the run has one.

    The base model is not stored again with every run; its pinned files are fetched where the model is loaded.

    Args:
        store: the store that the run is recorded in.
        run_id: the run's id.
        workspace: the workspace, which holds models/classifier.*, and the model's threshold in models/decision.json.

    Raises:
        CheckpointError: models/decision.json is missing or damaged.
    """
    run = store.client.get_run(run_id)
    if run.outputs.model_outputs:
        return
    from mlflow.entities import LoggedModelOutput
    from mlflow.entities.logged_model_status import LoggedModelStatus

    model_id = store.client.create_logged_model(run.info.experiment_id, NAME, source_run_id=run_id).model_id
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "model"
        _save(saved, workspace, run_id, model_id)
        store.client.log_model_artifacts(model_id, str(saved))
    store.client.finalize_logged_model(model_id, LoggedModelStatus.READY)
    store.client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])


def download(workspace: Workspace, address: str, folder: Path) -> Workspace:
    """Fetch a stored model.

    Args:
        workspace: the workspace whose repository has the store, if the user names no other.
        address: MLflow's address of the model: `models:/NAME@ALIAS`, `models:/NAME/VERSION` or `models:/ID`.
        folder: an empty folder, which receives the model.

    Returns:
        The workspace in that folder, which holds models/classifier.* and models/decision.json.

    Raises:
        StoreError: there is no such model, or the store cannot be reached.
    """
    from mlflow import artifacts
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model

    store = Store.existing(workspace)
    if store is None:
        raise StoreError(f"{address}: no run is recorded in {workspace.root} yet; `spampipe publish` records results")
    try:
        location = _location(store.client, address)
        found = Path(
            artifacts.download_artifacts(artifact_uri=location, dst_path=str(folder), tracking_uri=store.address)
        )
        data = Model.load(str(found)).flavors["python_function"]["data"]
    except (MlflowException, OSError, KeyError) as error:
        raise StoreError(f"{address}: no model of spampipe there ({one_line(error, 200)})") from error
    return Workspace(found / data)


def _location(client: Any, address: str) -> str:
    """Where a model's files are; MLflow itself would look names up in its default registry.

    Args:
        client: MLflow's client of the store that has the model.
        address: the model's address, as `download` takes it.
    """
    name, _, version = address.removeprefix(_ADDRESS).partition("/")
    name, _, alias = name.partition("@")
    if alias:
        version = client.get_model_version_by_alias(name, alias).version
    if version:
        return str(client.get_model_version_download_uri(name, version))
    return str(client.get_logged_model(name).artifact_location)


def _save(folder: Path, workspace: Workspace, run_id: str, model_id: str) -> None:
    """Write the classifier as an MLflow model: a folder that holds all but the base model, this library included.

    Args:
        folder: the folder to write, which is made here.
        workspace: the workspace, which holds the classifier.
        run_id: the id of the run that made the classifier.
        model_id: the id that MLflow has given the model.
    """
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    threshold = decision.load(workspace.decision).threshold
    with tempfile.TemporaryDirectory() as data:
        for path in (workspace.classifier_card, workspace.classifier_weights, workspace.decision):
            copy = Path(data) / workspace.name_of(path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        pyfunc.save_model(
            folder,
            mlflow_model=Model(run_id=run_id, model_id=model_id),
            loader_module=f"{__package__}.serving",
            data_path=data,
            code_paths=[str(Path(__file__).parent.parent)],
            signature=ModelSignature(
                outputs=Schema([ColSpec("string", "label"), ColSpec("double", "probability")]),
                params=ParamSchema([ParamSpec("threshold", "double", threshold)]),
            ),
            input_example=pd.DataFrame({"text": EXAMPLE}),
            pip_requirements=requirements(),
        )


def requirements() -> list[str]:
    """The packages that prediction needs, at the versions that are installed here."""
    return [f"{name}=={metadata.version(name).partition('+')[0]}" for name in _PACKAGES]
