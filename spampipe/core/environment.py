"""This project's environment variables: what holds for one machine or one call, and is no setting of a result.

Programs read them all before they begin, so that a bad value costs no work. An empty variable counts as not set.
"""

import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from spampipe.core.errors import SettingError
from spampipe.core.hints import closest

TRACKING = "SPAMPIPE_TRACKING"
TRACKING_PATIENCE = "SPAMPIPE_TRACKING_PATIENCE"
TRUNK_BYTES = "SPAMPIPE_TRUNK_BYTES"
CACHE = "SPAMPIPE_CACHE"
SOURCES = "SPAMPIPE_SOURCES"
DEVICE = "SPAMPIPE_DEVICE"
NAMES = (TRACKING, TRACKING_PATIENCE, TRUNK_BYTES, CACHE, SOURCES, DEVICE)

DEVICES = ("auto", "cpu", "cuda", "mps")
_DEFAULT_TRUNK_BYTES = 8 << 30
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Environment:
    """What the variables say.

    Attributes:
        tracking: whether runs are recorded in MLflow.
        tracking_patience: seconds to wait for a server once a stage's work is done; None if the user named none.
        trunk_bytes: how large the store of frozen layers' outputs may grow; 0 keeps none.
        cache: folder of downloaded files; None for the user's cache folder.
        sources: file that names other places of downloads; None if there is none.
        device: what torch computes on; `auto` is CUDA if there is such a GPU, else the CPU.
    """

    tracking: bool
    tracking_patience: float | None
    trunk_bytes: int
    cache: Path | None
    sources: Path | None
    device: str


def read() -> Environment:
    """Parse the variables.

    Raises:
        SettingError: naming the variable whose value cannot be used.
    """
    return Environment(
        tracking=_parsed(TRACKING, _one_of(("on", "off")), "on or off", "on") == "on",
        tracking_patience=_parsed(TRACKING_PATIENCE, _seconds, "a number of seconds, 0 or more", None),
        trunk_bytes=_parsed(TRUNK_BYTES, _count, "a whole number of bytes", _DEFAULT_TRUNK_BYTES),
        cache=_parsed(CACHE, Path, "a folder", None),
        sources=_parsed(SOURCES, Path, "a file", None),
        device=_parsed(DEVICE, _one_of(DEVICES), ", ".join(DEVICES[:-1]) + f" or {DEVICES[-1]}", "auto"),
    )


def dvc_root() -> Path | None:
    """The repository, where DVC runs this process in a temporary copy of it; None if DVC does not say."""
    value = os.environ.get("DVC_ROOT")
    return Path(value) if value else None


def torch_on_cuda() -> Any:
    """The module torch, if this process has imported it and computes on a CUDA device; else None."""
    torch = sys.modules.get("torch")
    on_cuda = torch is not None and read().device in ("auto", "cuda") and torch.cuda.is_available()
    return torch if on_cuda else None


def misspelt() -> list[str]:
    """A warning, one line, for each variable that is named like this project's and is none of them."""
    lines = []
    for name in os.environ:
        if name.startswith("SPAMPIPE_") and name not in NAMES:
            lines.append(f"{name}: no such variable; {closest(name, NAMES)}")
    return lines


def _parsed(name: str, parse: Callable[[str], _Value], expected: str, default: _Value) -> _Value:
    text = os.environ.get(name)
    if not text:
        return default
    try:
        return parse(text)
    except ValueError:
        raise SettingError(f"{name}: must be {expected}, but is {text!r}; change or unset it") from None


def _one_of(choices: Sequence[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError
        return text

    return parse


def _seconds(text: str) -> float | None:
    seconds = float(text)
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError
    return seconds


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError
    return int(text)
