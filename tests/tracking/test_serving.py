"""The model that MLflow stores answers as the command does, to whatever form of texts, loaded or served."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel, scoring_server

from spampipe.classifiers import decision
from spampipe.classifiers.decision import Decision
from spampipe.core.workspace import Workspace
from spampipe.inference import prediction
from spampipe.tracking import mlflow_model
from spampipe.tracking.connection import ADDRESS_VARIABLE
from spampipe.tracking.store import Store
from tests.support import stores, trained
from tests.support.label_sets import TWO

TEXTS = ["Hey, are we still up for dinner?", "WINNER!! Call 09061701461 now to claim your prize", "ok", "free entry"]


@pytest.fixture(scope="module")
def workspace(gpt2_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A folder with a classifier whose threshold divides TEXTS."""
    made = stores.empty(tmp_path_factory.mktemp("workspace"))
    trained.save(made, TWO, base=gpt2_base)
    found = prediction.load(made).classify(TEXTS)
    threshold = float(np.median([answer.probability for answer in found]))
    decision.save(made.decision, Decision(threshold=threshold))
    return made


@pytest.fixture(scope="module")
def labels(workspace: Workspace) -> list[str]:
    """What the workspace itself answers."""
    found = [answer.label for answer in prediction.load(workspace).classify(TEXTS)]
    assert sorted(found) == ["ham", "ham", "spam", "spam"]
    return found


@pytest.fixture(scope="module")
def model(workspace: Workspace) -> PyFuncModel:
    """The classifier out of a real store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(ADDRESS_VARIABLE, raising=False)
        store = Store.open(workspace)
    run_id = store.create_run("served", {}, {})
    for _ in range(2):  # the second time it is there
        mlflow_model.log(store, run_id, workspace)
    (output,) = store.client.get_run(run_id).outputs.model_outputs
    logged = store.client.get_logged_model(output.model_id)
    assert (logged.name, store.run(run_id).model_id) == ("classifier", output.model_id)
    return mlflow.pyfunc.load_model(logged.artifact_location)


@pytest.fixture(scope="module")
def server(model: PyFuncModel) -> Iterator[TestClient]:
    """What `mlflow models serve` runs, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "true")  # `init` sets it, and this takes it back
        yield TestClient(scoring_server.init(model), raise_server_exceptions=False)


def served(server: TestClient, body: dict[str, Any]) -> list[str]:
    answer = server.post("/invocations", json=body)
    assert answer.status_code == 200, answer.text
    assert {frozenset(row) for row in answer.json()["predictions"]} <= {frozenset({"label", "probability"})}
    return [row["label"] for row in answer.json()["predictions"]]


def refused(server: TestClient, body: dict[str, Any]) -> str:
    answer = server.post("/invocations", json=body)
    assert answer.status_code == 400
    assert "stack_trace" not in answer.json() and "Traceback" not in answer.text
    return str(answer.json()["message"])


def test_a_model_labels_by_the_threshold_of_its_run(model, server, labels):
    assert model.predict(TEXTS)["label"].tolist() == served(server, {"inputs": TEXTS}) == labels
    for threshold, label in ((0.00001, "spam"), (0.99999, "ham")):
        assert model.predict(TEXTS, {"threshold": threshold})["label"].tolist() == [label] * len(TEXTS)
        assert served(server, {"inputs": TEXTS, "params": {"threshold": threshold}}) == [label] * len(TEXTS)
    assert served(server, {"inputs": TEXTS, "params": {"threshold": None}}) == labels


@pytest.mark.parametrize("threshold", [0, 1, 2, -0.5])
def test_a_threshold_beyond_0_and_1_is_a_clear_400(model, server, threshold):
    message = refused(server, {"inputs": TEXTS, "params": {"threshold": threshold}})
    assert f"threshold {threshold:.1f}: must be more than 0 and less than 1" in message
    with pytest.raises(MlflowException, match="must be more than 0 and less than 1"):
        model.predict(TEXTS, {"threshold": threshold})


FORMS = {
    "list": TEXTS,
    "tuple": tuple(TEXTS),
    "series": pd.Series(TEXTS),
    "series of another order": pd.Series(TEXTS, index=[3, 1, 2, 0], name="message"),
    "one column": pd.DataFrame({"message": TEXTS}),
    "column text": pd.DataFrame({"id": ["a", "b", "c", "d"], "text": TEXTS}),
    "array": np.array(TEXTS),
    "array of objects": np.array(TEXTS, dtype=object),
    "column of an array": np.array(TEXTS)[:, None],
    "records": [{"id": "a", "text": text} for text in TEXTS],
    "columns": {"text": TEXTS},
}


@pytest.mark.parametrize("texts", FORMS.values(), ids=FORMS)
def test_texts_may_come_in_any_form(model, labels, texts):
    answers = model.predict(texts)
    assert list(answers.columns) == ["label", "probability"]
    assert answers["label"].tolist() == labels


@pytest.mark.parametrize("nothing", [[], pd.Series([], dtype="str"), pd.DataFrame({"text": []})])
def test_no_texts_have_no_answers(model, nothing):
    answers = model.predict(nothing)
    assert (list(answers.columns), len(answers)) == (["label", "probability"], 0)


BODIES = {
    "inputs": {"inputs": TEXTS},
    "instances": {"instances": TEXTS},
    "columns": {"inputs": {"text": TEXTS}},
    "records": {"dataframe_records": [{"text": text, "id": 1} for text in TEXTS]},
    "split": {"dataframe_split": {"columns": ["message"], "data": [[text] for text in TEXTS]}},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_server_takes_all_of_mlflows_formats(server, labels, body):
    assert served(server, body) == labels


BAD = {
    "empty and missing": (["", None], "text 2 of 2 is missing, or not text"),
    "empty": (["ok", " "], "text 2 of 2 is empty"),
    "numbers": ([1, 2], "text 1 of 2 is missing, or not text: 1"),
    "one text": ("ok", "give a list, even for one text"),
    "one text of a column": ({"text": "ok"}, "give a list"),
    "two columns": ({"one": ["a"], "two": ["b"]}, "the input has the columns one, two; call one of them text"),
}


@pytest.mark.parametrize(("inputs", "message"), BAD.values(), ids=BAD)
def test_what_is_not_text_is_a_clear_400(model, server, inputs, message):
    assert message in refused(server, {"inputs": inputs})
    with pytest.raises(MlflowException, match=message) as caught:
        model.predict(inputs)
    assert caught.value.get_http_status_code() == 400


def test_lists_among_texts_and_two_columns_called_text_are_refused(model):
    with pytest.raises(MlflowException, match="text 2 of 2 is missing, or not text"):
        model.predict(["ok", ["no"]])
    with pytest.raises(MlflowException, match="the input has the columns text, text"):
        model.predict(pd.DataFrame([["a", "b"]], columns=["text", "text"]))
