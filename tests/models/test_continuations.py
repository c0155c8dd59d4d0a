"""The log-probabilities of continuations are those of transformers' models."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spampipe.models.continuations import _shared_beginnings, log_probabilities
from spampipe.models.decoder import Decoder
from spampipe.models.families import gpt2, llama
from spampipe.models.weights import load_decoder
from tests.support.published_models import transformers_gpt2, transformers_llama, write_gpt2, write_llama
from tests.support.tiny_models import GPT2, LLAMA, make_decoder

CONTINUATIONS = [[7], [9, 3], [9, 3, 4], [7, 5], [9, 4, 1], [11]]
ROWS = [[3, 1, 4, 1, 5], [9], [2, 6, 5, 3, 5, 8, 9, 7, 9], [2, 7], [9], [1, 8, 2, 8, 1, 8]]


def oracle(model: torch.nn.Module, row: list[int], continuation: list[int]) -> float:
    """The sum over the continuation's tokens, one forward pass each."""
    total = 0.0
    for number, token in enumerate(continuation):
        with torch.no_grad():
            logits = model(torch.tensor([row + continuation[:number]])).logits[0, -1]
        total += float(logits.log_softmax(dim=-1)[token])
    return total


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def models(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Decoder, torch.nn.Module]:
    """This project's model and transformers', with the same tensors."""
    folder: Path = tmp_path_factory.mktemp("model")
    if request.param == "gpt2":
        theirs = transformers_gpt2(GPT2, 3)
        write_gpt2(folder / "weights.safetensors", theirs)
        return load_decoder(gpt2.FAMILY, folder / "weights.safetensors", GPT2).eval(), theirs
    theirs = transformers_llama(LLAMA, 3)
    write_llama(folder / "weights.gguf", theirs)
    return load_decoder(llama.FAMILY, folder / "weights.gguf", LLAMA).eval(), theirs


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_they_are_those_of_transformers(models, batch_size: int) -> None:
    ours, theirs = models
    found = log_probabilities(ours, ROWS, CONTINUATIONS, batch_size, "fp32", None)
    expected = [[oracle(theirs, row, continuation) for continuation in CONTINUATIONS] for row in ROWS]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert found.dtype == np.float64 and np.ptp(found) > 1


def test_bf16_rounds_the_products_only(models) -> None:
    ours, _ = models
    exact, rounded = (log_probabilities(ours, ROWS, CONTINUATIONS, 3, each, None) for each in ("fp32", "bf16"))
    assert 0 < np.abs(exact - rounded).max() < 1.0
    again = log_probabilities(ours, ROWS, CONTINUATIONS, 3, "fp32", None)
    np.testing.assert_array_equal(exact, again)  # the weights are as they were


def test_more_texts_than_are_kept_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = make_decoder(GPT2)
    expected = log_probabilities(decoder, ROWS, CONTINUATIONS, 2, "fp32", None)
    monkeypatch.setattr("spampipe.models.continuations._TOGETHER", 4)
    found = log_probabilities(decoder, ROWS, CONTINUATIONS, 3, "fp32", None)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@settings(max_examples=200)
@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=4), min_size=1, max_size=8))
def test_each_continuation_is_scored_once_along_a_beginning_of_its_own(continuations: list[list[int]]) -> None:
    groups = list(_shared_beginnings(continuations))
    assert sorted(number for _, members in groups for number in members) == list(range(len(continuations)))
    for beginning, members in groups:
        assert all(list(beginning[: len(continuations[n]) - 1]) == continuations[n][:-1] for n in members)
    if all(len(ids) == 1 for ids in continuations):
        assert len(groups) == 1
