"""A model family is one new file, and one line of the catalogue."""

import filecmp
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from spampipe.core import environment, files
from tests.support.contributing import files_to_touch
from tests.support.project import ROOT
from tests.support.tiny_models import randomize

# Another family than those there are: other names for the tensors, query, key and value in one tensor head by head,
# another kind of tokenizer with files of its own, and the same decoder in a shape that no other has.
FAMILY = '''
"""GPT-NeoX (Black et al. 2022), without parallel residuals."""

from pathlib import Path

from spampipe.downloads.fetch import Pin
from spampipe.downloads.sources import LocalFile
from spampipe.models.architectures import BaseModel, DecoderConfig, PublishedFiles

NAMES = {
    "embed_in": "token_embedding",
    "final_layer_norm": "final_norm",
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "mlp_norm",
    "attention.dense": "attention.output",
    "mlp.dense_h_to_4h": "mlp.up",
    "mlp.dense_4h_to_h": "mlp.down",
}


class Words:
    """Words, as the `tokenizers` library knows them."""

    name, padding = "words", 0

    def __init__(self, path):
        from tokenizers import Tokenizer

        self._words = Tokenizer.from_file(str(path))

    def encode(self, texts):
        return [encoding.ids for encoding in self._words.encode_batch(list(texts))]

    def decode(self, ids):
        return self._words.decode(list(ids))


class NeoX:
    tokenizer, padding = Words.name, Words.padding

    def lay_out(self, published, folder, fetch):
        fetch(published.tokenizer, self.tokenizer_path(folder))
        if published.weights is not None:
            fetch(published.weights, self.weights_path(folder))

    def tokenizer_path(self, folder):
        return folder / "tokenizer.json"

    def weights_path(self, folder):
        return folder / "weights.safetensors"

    def load_tokenizer(self, folder):
        return Words(self.tokenizer_path(folder))

    def read_weights(self, path, config, leave_out):
        from safetensors.torch import load_file

        from spampipe.models.weights import block_name, rename

        state = {}
        for name, tensor in load_file(path).items():
            prefix, kind = block_name(r"layers\\.(\\d+)\\.(.+)", name.removeprefix("gpt_neox."))
            if kind.startswith("attention.query_key_value."):
                parts = tensor.unflatten(0, (config.num_heads, 3, config.head_size)).unbind(1)
                for part, values in zip(("query", "key", "value"), parts):
                    state[f"{prefix}attention.{part}.{kind.rpartition('.')[2]}"] = values.flatten(0, 1)
            else:
                state[prefix + rename(kind, NAMES)] = tensor
        return {name: tensor for name, tensor in state.items() if name not in leave_out}

    def build(self, config, dropout):
        from spampipe.models.decoder import empty_decoder

        return empty_decoder(config, dropout)


def _file(name, sha256):
    return Pin(name, sha256, (LocalFile(Path(PUBLISHED) / name),))


PUBLISHED = PUBLISHED_FOLDER
MODELS = {
    "neox-toy": BaseModel(
        DecoderConfig(
            vocabulary_size=9,
            context_length=16,
            hidden_size=32,
            num_layers=3,
            num_heads=4,
            num_kv_heads=4,
            intermediate_size=48,
            positions="rotary",
            normalization="layer_norm",
            activation="gelu",
            biases=True,
            norm_epsilon=1e-5,
            rotary_base=10_000.0,
        ),
        NeoX(),
        PublishedFiles(_file("words.json", WORDS_SHA256), _file("neox.safetensors", WEIGHTS_SHA256)),
    )
}
'''
WORDS = ["<unknown>", "the", "cat", "sat", "on", "mat", "and", "slept", "there"]
TEXTS = ["the cat sat on the mat", "and the dog slept", "there"]
PROGRAM = """
import json, sys, torch, spampipe
from spampipe.inference.generation import continue_text
from spampipe.models import bases
from spampipe.models.architectures import BaseChoice
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.weights import load_decoder

model = BASE_MODELS["neox-toy"]
folder = bases.cached_base(BaseChoice("neox-toy", "pretrained"))
tokenizer = model.family.load_tokenizer(folder)
decoder = load_decoder(model.family, model.family.weights_path(folder), model.config).eval()
rows = tokenizer.encode(sys.argv[1:])
with torch.no_grad():
    logits = [decoder.logits(decoder(torch.tensor([row]))).tolist() for row in rows]
found = {
    "package": spampipe.__file__,
    "files": sorted(path.name for path in folder.iterdir()),
    "ids": rows,
    "logits": logits,
    "continued": continue_text("neox-toy", sys.argv[1], 5),
}
print(json.dumps(found))
"""


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A folder with a model's files, as other people's code writes them."""
    folder = tmp_path / "published"
    folder.mkdir()
    words = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, WORDS[0]))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.save(str(folder / "words.json"))
    state = {name: tensor for name, tensor in neox().state_dict().items() if name.startswith("gpt_neox.")}
    save_file(state, folder / "neox.safetensors")
    return folder


def neox() -> GPTNeoXForCausalLM:
    model = GPTNeoXForCausalLM(
        GPTNeoXConfig(
            vocab_size=len(WORDS),
            max_position_embeddings=16,
            hidden_size=32,
            num_hidden_layers=3,
            num_attention_heads=4,
            intermediate_size=48,
            hidden_act="gelu_pytorch_tanh",
            rotary_pct=1.0,  # before transformers 5
            rope_parameters={"rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 1.0},
            use_parallel_residual=False,
            tie_word_embeddings=True,
        )
    )
    randomize(model, 0)
    return model.eval()


def package_with_family(published: Path, folder: Path) -> Path:
    """A copy of the package that has the family; only its new file and a line of the catalogue differ."""
    package = shutil.copytree(ROOT / "spampipe", folder / "spampipe", ignore=shutil.ignore_patterns("__pycache__"))
    text = FAMILY.replace("PUBLISHED_FOLDER", repr(str(published)))
    for word, name in (("WORDS_SHA256", "words.json"), ("WEIGHTS_SHA256", "neox.safetensors")):
        text = text.replace(word, repr(files.digest(published / name)))
    (package / "models/families/neox.py").write_text(text)
    catalogue = package / "models/catalogue.py"
    lines = catalogue.read_text().splitlines()
    changed = [line.replace("gpt2, llama", "gpt2, llama, neox") for line in lines]
    changed = [line.replace("| llama.MODELS", "| llama.MODELS | neox.MODELS") for line in changed]
    assert sum(before != after for before, after in zip(lines, changed, strict=True)) == 2  # its import and its entry
    catalogue.write_text("\n".join(changed) + "\n")
    return package


def differing(one: Path, other: Path) -> set[str]:
    """The files that two folders do not have alike, by their paths there."""
    found = filecmp.dircmp(one, other, ignore=["__pycache__"])
    names = {*found.left_only, *found.right_only, *found.diff_files, *found.funny_files}
    return names | {f"{name}/{path}" for name in found.common_dirs for path in differing(one / name, other / name)}


@torch.no_grad()
def test_a_family_costs_one_file_and_its_line_in_the_catalogue(published: Path, tmp_path: Path) -> None:
    package = package_with_family(published, tmp_path)
    touched = {f"spampipe/{path}" for path in differing(ROOT / "spampipe", package)}
    assert touched == files_to_touch("model family", "neox")  # as CONTRIBUTING.md says
    variables = os.environ | {"PYTHONPATH": str(tmp_path), environment.CACHE: str(tmp_path / "cache")}
    command = [sys.executable, "-c", PROGRAM, *TEXTS]
    finished = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout)
    assert found["package"] == str(package / "__init__.py")
    assert found["files"] == ["complete.json", "tokenizer.json", "weights.safetensors"]
    assert found["ids"] == [[1, 2, 3, 4, 1, 5], [6, 1, 0, 7], [8]]
    reference = neox()
    for row, logits in zip(found["ids"], found["logits"], strict=True):
        torch.testing.assert_close(torch.tensor(logits), reference(torch.tensor([row])).logits, atol=1e-4, rtol=1e-4)
    ids = list(found["ids"][0])
    for _ in range(5):
        ids.append(int(reference(torch.tensor([ids])).logits[0, -1].argmax()))
    assert found["continued"] == Tokenizer.from_file(str(published / "words.json")).decode(ids)


def test_to_know_the_base_models_needs_nothing_that_only_some_stages_use() -> None:
    """Every stage and command imports the catalogue, to check params.yaml."""
    slow = {"torch", "numpy", "pandas", "tiktoken", "gguf", "safetensors", "requests", "huggingface_hub"}
    program = f"import sys, spampipe.models.catalogue; print(sorted({slow} & set(sys.modules)))"
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "[]\n"
