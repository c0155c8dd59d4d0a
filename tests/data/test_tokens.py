"""Messages as rows of token ids."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spampipe.core.errors import DataError
from spampipe.data import tokens
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT

ROWS = st.lists(st.tuples(st.lists(st.integers(0, 50256), max_size=12), st.integers(0, 1)), min_size=1, max_size=8)


@settings(deadline=None)
@given(ROWS, st.integers(1, 15), st.integers(0, 50256))
def test_rows_are_cut_and_padded_on_the_right(rows, max_length, padding):
    ids, labels = [list(column) for column in zip(*rows, strict=True)]
    table = tokens.pad(ids, labels, max_length, padding, TWO)
    assert (len(table), table.max_length) == (len(rows), max_length)
    assert table.labels.tolist() == labels
    for row, given_ids, length in zip(table.input_ids.tolist(), ids, table.lengths, strict=True):
        assert length == min(len(given_ids), max_length)
        assert row == given_ids[:max_length] + [padding] * (max_length - length)
    assert {table.input_ids.dtype, table.lengths.dtype, table.labels.dtype} == {np.dtype(np.int32)}


@pytest.mark.parametrize(
    ("wanted", "context", "expected"),
    [
        ("longest_train", 1024, 3),
        ("longest_train", 2, 2),
        ("model_context", 1024, 1024),
        (5, 1024, 5),
        (2, 1024, 2),
    ],
)
def test_choice_of_max_length(wanted, context, expected):
    assert tokens.choose_max_length(wanted, [[7], [7, 8, 9], []], context) == expected


TABLE = tokens.pad([[1, 2, 3], [4], [5, 6, 7, 8]], [0, 1, 2], 3, 50256, THREE)


def test_tables_survive_their_files(tmp_path):
    path = tmp_path / "deep" / "table.safetensors"
    tokens.save(path, TABLE)
    loaded = tokens.load(path)
    for attribute in ("input_ids", "lengths", "labels"):
        np.testing.assert_array_equal(getattr(loaded, attribute), getattr(TABLE, attribute))
        assert getattr(loaded, attribute).dtype == np.int32
    assert loaded.label_set == THREE


def test_rows_of_a_model_that_reads_no_tokens_are_empty(tmp_path):
    table = tokens.pad([[], []], [0, 1], 0, 0, TWO)
    assert (table.input_ids.shape, table.lengths.tolist(), table.max_length) == ((2, 0), [0, 0], 0)
    tokens.save(tmp_path / "table.safetensors", table)
    loaded = tokens.load(tmp_path / "table.safetensors")
    assert (loaded.input_ids.shape, loaded.labels.tolist()) == ((2, 0), [0, 1])


@pytest.mark.parametrize(("chosen", "labels"), [(slice(2), [0, 1]), (np.array([2, 0, 2]), [2, 0, 2])])
def test_some_rows_of_a_table_keep_its_label_set(chosen, labels):
    part = TABLE.rows(chosen)
    assert part.labels.tolist() == labels
    np.testing.assert_array_equal(part.input_ids, TABLE.input_ids[chosen])
    assert part.label_set == THREE


def test_two_processes_write_the_same_bytes(tmp_path):
    program = (
        "import pathlib, sys; from spampipe.data import tokens; from tests.support.label_sets import THREE;"
        "table = tokens.pad([[1, 2, 3], [4], [5, 6, 7, 8]], [0, 1, 2], 3, 50256, THREE);"
        "tokens.save(pathlib.Path(sys.argv[1]), table)"
    )
    other = tmp_path / "other.safetensors"
    subprocess.run([sys.executable, "-c", program, other], check=True, cwd=ROOT)
    tokens.save(tmp_path / "own.safetensors", TABLE)
    assert other.read_bytes() == (tmp_path / "own.safetensors").read_bytes()


def test_missing_token_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"absent\.safetensors: no such file; run `dvc repro`"):
        tokens.load(tmp_path / "absent.safetensors")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:5],
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: b"version https://git-lfs.github.com/spec/v1\n",
        lambda data: data.replace(b'"lengths"', b'"longest"'),
        lambda data: data.replace(b'"label_set"', b'"labelling"'),
        lambda data: data.replace(b'\\"yes\\"', b'\\"no\\" '),
        lambda data: data.replace(b'\\"names\\"', b'\\"nomes\\"'),
        lambda data: data.replace(b"\2\0\0\0", b"\3\0\0\0"),
    ],
    ids=[
        "empty",
        "no header",
        "half",
        "one byte short",
        "pointer",
        "tensor missing",
        "no label set",
        "label twice",
        "other entries",
        "class of no label",
    ],
)
def test_damaged_token_file_is_refused(tmp_path, damage):
    path = tmp_path / "table.safetensors"
    tokens.save(path, TABLE)
    data = path.read_bytes()
    path.write_bytes(damage(data))
    assert path.read_bytes() != data
    with pytest.raises(DataError, match=r"table\.safetensors: damaged .* run `dvc repro --force tokenize-pad`"):
        tokens.load(path)
