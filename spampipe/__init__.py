"""Fine-tune a pretrained language model to classify text, reproducibly.

The pipeline of a repository is run by `dvc repro`; the command `spampipe` works with its results. From Python:

    import spampipe

    classifier = spampipe.load()                  # what the pipeline trained in this folder
    classifier = spampipe.load("my-experiment")   # or a DVC experiment, or any git revision
    classifier = spampipe.load("models:/NAME@champion")  # or a model of MLflow's registry
    for prediction in classifier.classify(["Are we still up for dinner tonight?"]):
        print(prediction.label, prediction.probability)

    run = spampipe.train(texts, labels)   # fine-tune on own texts, with the settings of params.yaml
    run.metrics, run.classifier           # in a notebook, `run` shows its curves

Nothing but this text is loaded by `import spampipe`; each name below is loaded when it is first used.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spampipe.api import TrainedRun, load, train
    from spampipe.classifiers.predictions import Prediction
    from spampipe.classifiers.text_classifier import TextClassifier
    from spampipe.core.errors import SpampipeError
    from spampipe.params import Params

_MODULES = {
    "load": "spampipe.api",
    "train": "spampipe.api",
    "TrainedRun": "spampipe.api",
    "TextClassifier": "spampipe.classifiers.text_classifier",
    "Prediction": "spampipe.classifiers.predictions",
    "Params": "spampipe.params",
    "SpampipeError": "spampipe.core.errors",
}

__all__ = ["Params", "Prediction", "SpampipeError", "TextClassifier", "TrainedRun", "load", "train"]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
