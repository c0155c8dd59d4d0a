"""Shards joined into one file hold the same tensors, byte for byte."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from spampipe.core.errors import WeightsError
from spampipe.models import stored_tensors
from spampipe.models.stored_tensors import Place

KINDS = [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8]
tensors = st.builds(
    lambda shape, kind, seed: torch.from_numpy(np.random.default_rng(seed).integers(0, 99, shape)).to(kind),
    st.lists(st.integers(0, 4), max_size=3),
    st.sampled_from(KINDS),
    st.integers(0, 9),
)
shards_of_tensors = st.lists(st.dictionaries(st.text(max_size=5), tensors, max_size=4), max_size=4)


@given(shards=shards_of_tensors, metadata=st.sampled_from([None, {"format": "pt"}]))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_joined_shards_hold_every_tensor(
    shards: list[dict[str, torch.Tensor]], metadata: dict[str, str] | None, tmp_path: Path
) -> None:
    apart = [{f"{number} {name}": tensor for name, tensor in shard.items()} for number, shard in enumerate(shards)]
    paths = [tmp_path / f"{number}.safetensors" for number in range(len(apart))]
    for shard, path in zip(apart, paths, strict=True):
        save_file(shard, path, metadata)
    stored_tensors.join(paths, tmp_path / "joined.safetensors")
    joined = load_file(tmp_path / "joined.safetensors")
    expected = {name: tensor for shard in apart for name, tensor in shard.items()}
    assert joined.keys() == expected.keys()
    for name, tensor in expected.items():
        assert joined[name].dtype == tensor.dtype and torch.equal(joined[name], tensor)
    first = (tmp_path / "joined.safetensors").read_bytes()
    stored_tensors.join(paths, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == first


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda path: save_file({"first": torch.ones(1)}, path), "tensor first stands in two shards"),
        (lambda path: path.write_bytes(b""), "not a safetensors file"),
        (lambda path: path.write_bytes(b"\xff" * 99), "not a safetensors file"),
        (lambda path: path.write_bytes(b"\2" + bytes(7) + b"[]"), "not a safetensors file"),
        (_cut, "not a safetensors file"),
    ],
)
def test_a_shard_that_does_not_fit_is_named(damage: Callable[[Path], object], expected: str, tmp_path: Path) -> None:
    paths = [tmp_path / "one.safetensors", tmp_path / "two.safetensors"]
    for path, name in zip(paths, ("first", "second"), strict=True):
        save_file({name: torch.ones(3)}, path)
    damage(paths[1])
    with pytest.raises(WeightsError) as caught:
        stored_tensors.join(paths, tmp_path / "joined.safetensors")
    assert str(caught.value).startswith(f"{paths[1]}: {expected}")
    assert not (tmp_path / "joined.safetensors").exists()


def test_tensors_are_cut_and_turned_as_their_places_say(tmp_path: Path) -> None:
    stored = torch.arange(12.0).reshape(2, 6)
    save_file({"all": stored.half(), "mask": torch.ones(1).bool()}, tmp_path / "file.safetensors")
    places = {"all": Place(("a", "b", "c"), transposed=True), "mask": None}
    found = stored_tensors.read(tmp_path / "file.safetensors", places.__getitem__, {"mask"})
    assert found.keys() == {"a", "b", "c"}
    assert torch.equal(torch.cat([found[name] for name in "abc"]), stored.T)
    assert all(tensor.is_contiguous() and tensor.dtype == torch.float32 for tensor in found.values())
    assert stored_tensors.read(tmp_path / "file.safetensors", places.__getitem__, {"a", "b", "c"}) == {}
