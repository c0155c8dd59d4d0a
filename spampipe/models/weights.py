"""Fill a network from published weight files. A name or shape that does not fit is an error, never skipped."""

import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from spampipe.core.errors import WeightsError
from spampipe.models.architectures import Family, ModelConfig
from spampipe.models.backbone import Backbone

State = dict[str, Tensor]
_Module = TypeVar("_Module", bound=nn.Module)
_CPU = torch.device("cpu")


def load_decoder(family: Family, path: Path, config: ModelConfig) -> Backbone:
    """Read a family's weight file into its decoder or encoder, in float32.

    Args:
        family: which one the file is of.
        path: the file.
        config: the shape that it must have.

    Raises:
        WeightsError: the file is missing or damaged, or a tensor is missing, unknown or of another shape.
    """
    return load_into(family.build(config, 0.0), family, path)


def load_into(
    network: Backbone,
    family: Family,
    path: Path,
    leave_out: Container[str] = (),
    device: torch.device = _CPU,
) -> Backbone:
    """Fill a network from its family's weight file, leaving some tensors as they are.

    Args:
        network: the module to fill, of the shape that the file must have.
        family: which one the file is of.
        path: the file.
        leave_out: the names of the tensors that are not filled.
        device: where the others are put.

    Raises:
        WeightsError: as in `load_decoder`.
    """
    try:
        state = family.read_weights(path, network.config, leave_out)
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such file; run `dvc repro download` or `dvc pull`") from None
    except (SafetensorError, ValueError, IndexError) as error:
        raise WeightsError(f"{path}: damaged weight file ({error}); run `dvc repro --force download`") from error
    return fill(network, place(state, device), path, leave_out)


def place(state: State, device: torch.device) -> State:
    """The tensors on a device.

    Args:
        state: tensors by name.
        device: where they are put; a tensor that lies there already is not copied.
    """
    return {name: tensor.to(device) for name, tensor in state.items()}


def fill(module: _Module, state: State, source: Path | str, leave_out: Container[str] = ()) -> _Module:
    """Give a module its tensors, all but those left out, and no others.

    Args:
        module: the module to fill; which of its tensors are trained stays as it was.
        state: the tensors by name, which become the module's own, not copies.
        source: the file that they are from, or what else to call their source in errors.
        leave_out: the names of the tensors that are not filled.

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


def block_name(pattern: str, name: str) -> tuple[str, str]:
    """Split the number of its block off a published name.

    Args:
        pattern: matches names within blocks, with the block's number and the rest as its groups.
        name: the published name of a tensor.

    Returns:
        ("blocks.3.", rest), or ("", name) outside the blocks.
    """
    found = re.fullmatch(pattern, name)
    return (f"blocks.{found[1]}.", found[2]) if found else ("", name)


def rename(name: str, names: dict[str, str]) -> str:
    """Give a published name, or its longest known beginning, the name that this project has for it.

    A beginning ends between words, at a dot. An unknown name stays, to be refused by `fill`.

    Args:
        name: the published name of a tensor, words between dots.
        names: this project's beginnings, by the published ones.
    """
    for candidate in _prefixes(name):
        if candidate in names:
            return names[candidate] + name[len(candidate) :]
    return name


def _prefixes(name: str) -> Iterator[str]:
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        yield ".".join(parts[:count])
