"""Fill a decoder from published weight files. A name or shape that does not fit is an error, never skipped."""

import re
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from spampipe.core.errors import WeightsError
from spampipe.models.architectures import DecoderConfig
from spampipe.models.decoder import Decoder, empty_decoder

State = dict[str, Tensor]
_Module = TypeVar("_Module", bound=nn.Module)
_CPU = torch.device("cpu")


def load_decoder(path: Path, config: DecoderConfig, dropout: float = 0.0) -> Decoder:
    """Read a weight file into a decoder of this shape, in float32.

    Args:
        path: `*.gguf` (Llama family) or `*.safetensors` (GPT-2 as on the hub).
        config: the shape the file must have.
        dropout: of the decoder.

    Raises:
        WeightsError: the file is missing or damaged, or a tensor is missing, unknown or of another shape.
    """
    return load_into(empty_decoder(config, dropout), path)


def load_into(
    decoder: Decoder,
    path: Path,
    leave_out: Container[str] = (),
    device: torch.device = _CPU,
) -> Decoder:
    """Fill a decoder, from a weight file, leaving out the tensors of these names; errors as in `load_decoder`."""
    read = read_llama_gguf if path.suffix == ".gguf" else read_gpt2_safetensors
    try:
        state = read(path, decoder.config, leave_out)
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such file; run `dvc repro download` or `dvc pull`") from None
    except (SafetensorError, ValueError, IndexError) as error:
        raise WeightsError(f"{path}: damaged weight file ({error}); run `dvc repro --force download`") from error
    return fill(decoder, place(state, device), path, leave_out)


def place(state: State, device: torch.device) -> State:
    """The tensors on this device."""
    return {name: tensor.to(device) for name, tensor in state.items()}


def fill(module: _Module, state: State, source: Path | str, leave_out: Container[str] = ()) -> _Module:
    """Give a module its tensors, all but those left out, and no others.

    Raises:
        WeightsError: naming `source` and the first tensor that is missing, unknown or of another shape.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items() if name not in leave_out}
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
    module.load_state_dict(state, strict=False, assign=True)
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


def read_gpt2_safetensors(path: Path, config: DecoderConfig, leave_out: Container[str] = ()) -> State:
    """Map the hub's tensors of GPT-2, all but those left out, to this project's names.

    Its linear layers are stored (inputs, outputs), transposed to torch's, and query, key and value lie
    side by side in one tensor.
    """
    state: State = {}
    with safe_open(path, framework="pt") as stored:
        keys = {key.removeprefix("transformer."): key for key in stored.keys()}  # noqa: SIM118 - not a dict
        head, embedding = (keys.get(name) for name in ("lm_head.weight", "wte.weight"))
        if head and embedding and torch.equal(stored.get_tensor(head), stored.get_tensor(embedding)):
            del keys["lm_head.weight"]  # a tied head, stored a second time; one of its own is left to be refused
        for name, key in keys.items():
            if _GPT2_CONSTANT.fullmatch(name):
                continue
            prefix, kind = _block_name(r"h\.(\d+)\.(.+)", name)
            if kind.startswith("attn.c_attn."):
                ours = [f"{prefix}attention.{part}.{kind.rsplit('.', 1)[1]}" for part in ("query", "key", "value")]
            else:
                ours = [prefix + _rename(kind, _GPT2_NAMES)]
            if ours[0] in leave_out:
                continue
            tensor = stored.get_tensor(key).float()
            if re.search(r"\.c_\w+\.weight$", name):
                tensor = tensor.T
            for part_name, part in zip(ours, tensor.chunk(len(ours)), strict=True):
                state[part_name] = part.contiguous()
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


def read_llama_gguf(path: Path, config: DecoderConfig, leave_out: Container[str] = ()) -> State:
    """Dequantize a GGUF file's tensors, all but those left out, to float32 under this project's names.

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
        name = prefix + _rename(kind, _GGUF_NAMES)
        if name in leave_out:
            continue
        try:
            values = np.asarray(dequantize(stored.data, stored.tensor_type), dtype=np.float32)
        except NotImplementedError:
            raise ValueError(f"tensor {stored.name} is of type {stored.tensor_type.name}") from None
        if np.may_share_memory(values, stored.data):
            values = values.copy()  # the file stays mapped only while it is read
        tensor = torch.from_numpy(values)
        tensor = reorder.get(kind.split(".")[0], lambda rows: rows)(tensor)
        state[name] = tensor.contiguous()
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
