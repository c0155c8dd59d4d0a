"""The real SmolLM2-135M: this project's decoder says what transformers says of the same file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from spampipe import cli
from spampipe.data.tokenizer import Tokenizer
from spampipe.inference.generation import greedy_continuation
from spampipe.models import bases
from spampipe.models.architectures import BaseChoice
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.decoder import Decoder
from spampipe.models.features import default_features
from spampipe.models.probe import Probe
from spampipe.models.weights import load_decoder

MODEL = BASE_MODELS["smollm2-135m"]
BEGINNING, NEW_TOKENS = "Every effort moves you", 25
SENTENCES = [
    BEGINNING,
    "You are a winner! You have been specially selected to receive $1000 cash or a $2000 award.",
    "Hey, just wanted to check if we're still on for dinner tonight? Let me know!",
    "Müller's café: 50% off 🎉\n\n\tText WIN to 80086, £1.50/msg",
]


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def reference(smollm2_published: Path) -> PreTrainedModel:
    folder, name = smollm2_published.parent, smollm2_published.name
    return AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def decoder(smollm2_base: Path) -> Decoder:
    return load_decoder(MODEL.family, MODEL.family.weights_path(smollm2_base), MODEL.config).eval()


@pytest.fixture(scope="module")
def tokenizer(smollm2_base: Path) -> Tokenizer:
    return MODEL.family.load_tokenizer(smollm2_base)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_next_token_scores(sentence, tokenizer, decoder, reference):
    ids = torch.tensor(tokenizer.encode([sentence]))
    torch.testing.assert_close(decoder.logits(decoder(ids)), reference(ids).logits, atol=2e-4, rtol=1e-5)


def test_a_probe_reads_its_hidden_states(tokenizer, decoder, reference):
    features = default_features(MODEL.config.num_layers)
    probe, rows = Probe(decoder, 2, features, causal=True), tokenizer.encode(SENTENCES)
    lengths = torch.tensor([len(row) for row in rows])
    padded = torch.tensor([row + [0] * (int(lengths.max()) - len(row)) for row in rows])
    for row, found in zip(rows, probe.trunk(padded, lengths), strict=True):
        states = reference(torch.tensor([row]), output_hidden_states=True).hidden_states
        read = {"last_real": lambda state: state[0, -1], "mean": lambda state: state[0].mean(dim=0)}
        expected = torch.cat([read[pooling](states[block]) for block, pooling in features])
        torch.testing.assert_close(found, expected, atol=2e-3, rtol=1e-4)


def test_greedy_continuation(tokenizer, decoder, reference, capsys):
    (beginning,) = tokenizer.encode([BEGINNING])
    expected = reference.generate(
        torch.tensor([beginning]),
        attention_mask=torch.ones(1, len(beginning), dtype=torch.long),
        do_sample=False,
        max_new_tokens=NEW_TOKENS,
        min_new_tokens=NEW_TOKENS,
        repetition_penalty=1.0,
        pad_token_id=0,
    )[0].tolist()
    assert greedy_continuation(decoder, beginning, NEW_TOKENS) == expected
    laid_out = MODEL.family.tokenizer_path(bases.cached_base(BaseChoice("smollm2-135m", "pretrained")))
    before = laid_out.stat()
    cli.main(["generate", BEGINNING, "--model", "smollm2-135m", "--tokens", str(NEW_TOKENS)])
    assert laid_out.stat().st_ino == before.st_ino  # not made anew
    assert capsys.readouterr().out.endswith(tokenizer.decode(expected) + "\n")


@pytest.mark.parametrize("count", ["0", "-1"])
def test_fewer_tokens_than_one_are_refused(count, capsys):
    with pytest.raises(SystemExit, match=f"--tokens: {count} tokens cannot be added"):
        cli.main(["generate", BEGINNING, "--model", "smollm2-135m", "--tokens", count])
