"""Classifiers that are made of base models of the hub: trained, saved, loaded again, by Python and by the stages."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from transformers import PreTrainedModel

import spampipe
from spampipe.core import environment
from spampipe.core.errors import CheckpointError, ParamsError
from spampipe.core.workspace import Workspace
from spampipe.data import tokens
from spampipe.models import bases
from spampipe.models.card import load_card
from spampipe.params import Params
from tests.support import hubs
from tests.support.hubs import REVISION, Hub
from tests.support.project import ROOT, place_inputs

NAME = "hub:someone/model"
WORDS = {
    "spam": ["win", "a", "prize", "call", "now", "free", "cash"],
    "ham": ["are", "we", "still", "meeting", "for", "lunch", "ok"],
}


@pytest.fixture(scope="module")
def server() -> Iterator[Hub]:
    with hubs.running_hub() as running:
        yield running


@pytest.fixture
def hub(server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub with a Llama on it, and a cache of its own."""
    hubs.use(server.server.address, monkeypatch)
    monkeypatch.setenv(environment.CACHE, str(tmp_path / "cache"))
    monkeypatch.delenv(environment.SOURCES, raising=False)
    server.publish("someone/model", hubs.save(tmp_path / "llama", hubs.tiny_llama(), hubs.byte_tokenizer("<s>")))
    return server


def texts(count: int = 30) -> tuple[list[str], list[str]]:
    """Short messages of random words, and their labels."""
    random = np.random.default_rng(1)
    labels = ["spam" if number % 2 else "ham" for number in range(count)]
    return [" ".join(random.choice(WORDS[label], 5)) for label in labels], labels


def settings(**changes: Any) -> Params:
    document = yaml.safe_load((ROOT / "params.yaml").read_text())
    document["model"] |= {"name": NAME, "revision": REVISION} | changes.pop("model", {})
    document["train"] |= {"epochs": 1, "batch_size": 4, "eval_every_steps": 5}
    document["tokenize_pad"] |= changes
    return Params.model_validate(document)


@pytest.mark.parametrize(
    ("model", "tokenizer", "weights"),
    [
        (hubs.tiny_llama, hubs.byte_tokenizer, "pretrained"),
        (hubs.tiny_gpt2, hubs.byte_tokenizer, "random"),
        (hubs.tiny_bert, hubs.word_tokenizer, "pretrained"),
    ],
)
def test_a_classifier_is_trained_saved_and_loaded(
    model: Callable[[], PreTrainedModel],
    tokenizer: Callable[[], Any],
    weights: str,
    hub: Hub,
    tmp_path: Path,
) -> None:
    hub.publish("someone/model", hubs.save(tmp_path / "published", model(), tokenizer()))
    some, labels = texts()
    run = spampipe.train(some, labels, params=settings(model={"weights": weights}), positive="spam")
    run.save(tmp_path / "saved")
    card = load_card(Workspace(tmp_path / "saved").classifier_card)
    assert (card.base, card.revision, card.tokenizer) == (NAME, REVISION, NAME)
    expected = [each.probability for each in run.classifier.classify(some)]
    loaded = spampipe.load(tmp_path / "saved")
    np.testing.assert_allclose([each.probability for each in loaded.classify(some)], expected, atol=1e-6)


def test_a_model_with_an_output_head_of_its_own_is_asked(hub: Hub, tmp_path: Path) -> None:
    model = hubs.tiny_llama(max_position_embeddings=512, tie_word_embeddings=False)
    hub.publish("someone/model", hubs.save(tmp_path / "published", model, hubs.byte_tokenizer()))
    some, labels = texts()
    run = spampipe.train(some, labels, params=settings(model={"trainable": "prompt"}), positive="spam")
    run.save(tmp_path / "saved")
    expected = [each.probability for each in run.classifier.classify(some)]
    loaded = spampipe.load(tmp_path / "saved")
    np.testing.assert_allclose([each.probability for each in loaded.classify(some)], expected, atol=1e-6)


def test_the_cards_base_must_be_the_one_it_describes(hub: Hub, tmp_path: Path) -> None:
    some, labels = texts()
    run = spampipe.train(some, labels, params=settings(), positive="spam")
    run.save(tmp_path / "saved")
    base = bases.cached_base(settings().model.require_base())
    own = Workspace(tmp_path / "saved").base
    shutil.copytree(base, own)
    spampipe.load(tmp_path / "saved")
    config = json.loads((own / "config.json").read_text())
    (own / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.5}))
    with pytest.raises(
        CheckpointError, match=r"models/base: not the base model that the classifier's card describes"
    ):
        spampipe.load(tmp_path / "saved")


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"revision": "main"}, "revision: main is not the hash of a commit"),
        ({"revision": None}, "revision: None is not the hash of a commit"),
        ({"tokenizer": "hub:someone/else"}, "tokenizer: hub:someone/else is not hub:someone/model's"),
        ({"base": "hub:someone"}, "hub:someone: a repository of the hub is named hub:OWNER/NAME"),
        ({"max_length": 65}, "max_length: 65 is more than hub:someone/model's 64"),
    ],
)
def test_a_card_that_cannot_be_is_refused(entries: dict[str, Any], expected: str, hub: Hub, tmp_path: Path) -> None:
    from spampipe.models.card import SavedCard

    some, labels = texts()
    run = spampipe.train(some, labels, params=settings(), positive="spam")
    run.save(tmp_path / "saved")
    card = load_card(Workspace(tmp_path / "saved").classifier_card)
    with pytest.raises(ValueError, match=expected):
        SavedCard.model_validate(dict(card) | entries)


def test_rows_longer_than_the_model_reads_are_refused(hub: Hub) -> None:
    some, labels = texts()
    with pytest.raises(ParamsError, match=r"max_length is 65, but hub:someone/model reads at most 64 tokens"):
        spampipe.train(some, labels, params=settings(max_length=65), positive="spam")


# --- the stages, as their own processes ----------------------------------------------------------------------


def stage(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", f"stages.{name}"]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


@pytest.fixture
def workspace(hub: Hub, tmp_path: Path) -> Workspace:
    """A folder with settings and messages."""
    folder = tmp_path / "project"
    folder.mkdir()
    document = settings().model_dump(mode="json")
    document["download"] |= {"dataset": "own.tsv", "labels": ["ham", "spam"]}
    (folder / "params.yaml").write_text(yaml.safe_dump(document))
    lines = [f"{label}\t{text}\n" for text, label in zip(*texts(), strict=True)]
    (folder / "own.tsv").write_text("".join(lines))
    place_inputs(folder)
    return Workspace(folder)


def test_the_stages_lay_it_out_and_tokenize_for_it(workspace: Workspace) -> None:
    for name in ("download", "balance", "split", "tokenize_pad"):
        finished = stage(name, workspace.root)
        assert finished.returncode == 0, finished.stderr
    assert {path.name for path in workspace.base.iterdir()} == {
        "config.json",
        "tokenizer.json",
        "weights.safetensors",
    }
    table = tokens.load(workspace.split_tokens("train"))
    assert set(table.input_ids[:, 0]) == {1}  # begins each text
    shortest = table.lengths.argmin()
    assert set(table.input_ids[shortest, table.lengths[shortest] :]) <= {2}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"revision": None}, f"model.revision: {NAME} needs the full hash of a commit; set it to {REVISION}, the"),
        ({"revision": "main"}, f"model.revision: main is no full hash of a commit of {NAME}; set it to {REVISION}"),
        (
            {"name": "hub:model"},
            "params.yaml: model.name: hub:model: a repository of the hub is named hub:OWNER/NAME",
        ),
    ],
)
def test_the_download_stage_says_in_one_line_what_to_set(
    entries: dict[str, Any], expected: str, workspace: Workspace
) -> None:
    document = yaml.safe_load(workspace.params.read_text())
    document["model"] |= entries
    workspace.params.write_text(yaml.safe_dump(document))
    finished = stage("download", workspace.root)
    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert line.startswith("error: ") and expected in line
