"""Stores the trained classifier in a run as an MLflow model, which spampipe/inference/serving.py loads."""

import shutil
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from spampipe.core import paths

NAME = "spam-classifier"
EXAMPLE = ("Hey, are we still up for dinner tonight?", "You have won $1000 cash! Text WIN to claim your prize.")
_PACKAGES = (
    *("mlflow", "torch", "tiktoken", "numpy", "pandas", "pydantic", "PyYAML", "safetensors", "gguf"),
    *("huggingface-hub", "requests", "filelock", "platformdirs", "tqdm", "pip"),
)


def log(client: Any, run_id: str, threshold: float, workspace: Path = Path()) -> None:
    """Store the workspace's classifier in a run, unless the run has one.

    The base model is not stored again with every run; its pinned files are fetched where the model is loaded.

    Args:
        client: of the store.
        run_id: of the run.
        threshold: of the run's labels, the default of the model's.
        workspace: holds models/classifier.* and params.yaml.
    """
    run = client.get_run(run_id)
    if run.outputs.model_outputs:
        return
    from mlflow import pyfunc
    from mlflow.entities import LoggedModelOutput
    from mlflow.entities.logged_model_status import LoggedModelStatus
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    model_id = client.create_logged_model(run.info.experiment_id, NAME, source_run_id=run_id).model_id
    with tempfile.TemporaryDirectory() as folder:
        data, saved = Path(folder) / "data", Path(folder) / "model"
        for path in (paths.CLASSIFIER_CARD, paths.CLASSIFIER_WEIGHTS, paths.PARAMS):
            (data / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(workspace / path, data / path)
        pyfunc.save_model(
            saved,
            mlflow_model=Model(run_id=run_id, model_id=model_id),
            loader_module=f"{__package__}.serving",
            data_path=str(data),
            code_paths=[str(Path(__file__).parent.parent)],
            signature=ModelSignature(
                outputs=Schema([ColSpec("string", "label"), ColSpec("double", "probability")]),
                params=ParamSchema([ParamSpec("threshold", "double", threshold)]),
            ),
            input_example=pd.DataFrame({"text": EXAMPLE}),
            pip_requirements=requirements(),
        )
        client.log_model_artifacts(model_id, str(saved))
    client.finalize_logged_model(model_id, LoggedModelStatus.READY)
    client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])


def requirements() -> list[str]:
    """The packages that prediction needs, at the versions that are installed here."""
    return [f"{name}=={metadata.version(name).partition('+')[0]}" for name in _PACKAGES]
