"""Fill a decoder from published weight files. A name or shape that does not fit is an error, never skipped."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from spampipe.architectures import DecoderConfig
from spampipe.errors import WeightsError
from spampipe.model import Decoder, empty_decoder

State = dict[str, Tensor]
_Module = TypeVar("_Module", bound=nn.Module)


def load_decoder(path: Path, config: DecoderConfig, dropout: float = 0.0) -> Decoder:
    """Read a weight file into a decoder of this shape, in float32.

    Args:
        path: `*.gguf` (Llama family) or `*.safetensors` (GPT-2 as on the hub).
        config: the shape the file must have.
        dropout: of the decoder.

    Raises:
        WeightsError: the file is missing or damaged, or a tensor is missing, unknown or of another shape.
    """
    read = read_llama_gguf if path.suffix == ".gguf" else read_gpt2_safetensors
    try:
        state = read(path, config)
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such file; run `dvc repro download` or `dvc pull`") from None
    except (SafetensorError, ValueError, IndexError) as error:
        raise WeightsError(f"{path}: damaged weight file ({error}); run `dvc repro --force download`") from error
    return fill(empty_decoder(config, dropout), state, path)


def fill(module: _Module, state: State, source: Path | str) -> _Module:
    """Give a module its tensors, all of them and no others.

    Raises:
        WeightsError: naming `source` and the first tensor that is missing, unknown or of another shape.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    for name, shape in expected.items():
        if name not in state:
            raise WeightsError(f"{source}: tensor {name} is missing; the file is of another model")
        if tuple(state[name].shape) != shape:
            raise WeightsError(
                f"{source}: tensor {name} has shape {tuple(state[name].shape)}, not {shape}; "
                "the file is of another model"
            )
    for name in state:
        if name not in expected:
            raise WeightsError(f"{source}: unknown tensor {name}; the file is of another model")
    trained = {name for name, tensor in module.named_parameters() if tensor.requires_grad}
    module.load_state_dict(state, assign=True)
    for name, tensor in module.named_parameters():
        tensor.requires_grad_(name in trained)
    return module


# --- GPT-2 safetensors -------------------------------------------------------------------------------------

_GPT2_NAMES = {
    "wte.weight": "token_embedding.weight",
    "wpe.weight": "position_embedding.weight",
    "ln_f": "final_norm",
    "ln_1": "attention_norm",
    "ln_2": "mlp_norm",
    "attn.c_proj": "attention.output",
    "mlp.c_fc": "mlp.up",
    "mlp.c_proj": "mlp.down",
}
_GPT2_CONSTANT = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)")  # the causal mask, stored as if it were learned


def read_gpt2_safetensors(path: Path, config: DecoderConfig) -> State:
    """Map the hub's tensors of GPT-2 to this project's names.

    Its linear layers are stored (inputs, outputs), transposed to torch's, and query, key and value lie
    side by side in one tensor.
    """
    state: State = {}
    with safe_open(path, framework="pt") as stored:
        for key in stored.keys():  # noqa: SIM118 - not a dict
            name = key.removeprefix("transformer.")
            if _GPT2_CONSTANT.fullmatch(name):
                continue
            tensor = stored.get_tensor(key).float()
            if re.search(r"\.c_\w+\.weight$", name):
                tensor = tensor.T.contiguous()
            prefix, kind = _block_name(r"h\.(\d+)\.(.+)", name)
            if kind.startswith("attn.c_attn."):
                parts = tensor.chunk(3)
                for part, projection in zip(parts, ("query", "key", "value"), strict=True):
                    state[f"{prefix}attention.{projection}.{kind.rsplit('.', 1)[1]}"] = part.contiguous()
                continue
            state[prefix + _rename(kind, _GPT2_NAMES)] = tensor
    head, embedding = state.get("lm_head.weight"), state.get("token_embedding.weight")
    if head is not None and embedding is not None and torch.equal(head, embedding):
        del state["lm_head.weight"]  # a tied head, stored a second time; one of its own is left to be refused
    return state


# --- Llama GGUF --------------------------------------------------------------------------------------------

_GGUF_NAMES = {
    "token_embd": "token_embedding",
    "output_norm": "final_norm",
    "attn_norm": "attention_norm",
    "attn_q": "attention.query",
    "attn_k": "attention.key",
    "attn_v": "attention.value",
    "attn_output": "attention.output",
    "ffn_norm": "mlp_norm",
    "ffn_gate": "mlp.gate",
    "ffn_up": "mlp.up",
    "ffn_down": "mlp.down",
}


def read_llama_gguf(path: Path, config: DecoderConfig) -> State:
    """Dequantize a GGUF file's tensors to float32 under this project's names.

    Query and key rows are stored so that the two channels that turn together are neighbours; this project,
    as Llama's own checkpoints on the hub, has them half a head apart.
    """
    from gguf import GGUFReader
    from gguf.quants import dequantize

    reorder: dict[str, Callable[[Tensor], Tensor]] = {
        "attn_q": lambda rows: _halves_apart(rows, config.num_heads),
        "attn_k": lambda rows: _halves_apart(rows, config.num_kv_heads),
    }
    state: State = {}
    for stored in GGUFReader(path).tensors:
        prefix, kind = _block_name(r"blk\.(\d+)\.(.+)", stored.name)
        try:
            values = np.asarray(dequantize(stored.data, stored.tensor_type), dtype=np.float32)
        except NotImplementedError:
            raise ValueError(f"tensor {stored.name} is of type {stored.tensor_type.name}") from None
        tensor = torch.from_numpy(np.array(values))  # a copy: the file stays mapped only while it is read
        tensor = reorder.get(kind.split(".")[0], lambda rows: rows)(tensor)
        state[prefix + _rename(kind, _GGUF_NAMES)] = tensor.contiguous()
    return state


def _halves_apart(rows: Tensor, heads: int) -> Tensor:
    """Within each head, rows 0 1 2 3 ... (pairs side by side) to 0 2 ... 1 3 ... (halves)."""
    if rows.shape[0] % (2 * heads):
        return rows  # of another model, to be refused by `fill`
    return rows.unflatten(0, (heads, -1, 2)).transpose(1, 2).flatten(0, 2)


def _block_name(pattern: str, name: str) -> tuple[str, str]:
    """Split off the block's number: ("blocks.3.", rest), or ("", name) outside the blocks."""
    found = re.fullmatch(pattern, name)
    return (f"blocks.{found[1]}.", found[2]) if found else ("", name)


def _rename(name: str, names: dict[str, str]) -> str:
    """Replace the part of `name` that the table knows; an unknown name stays, to be refused by `fill`."""
    for candidate in _prefixes(name):
        if candidate in names:
            return names[candidate] + name[len(candidate) :]
    return name


def _prefixes(name: str) -> Iterator[str]:
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        yield ".".join(parts[:count])
