"""Texts become the ids the base models were trained with, and rows of ids survive padding and their files."""

import base64
import subprocess
import sys

import numpy as np
import pytest
import tiktoken
from gguf import GGUFReader
from hypothesis import given, settings
from hypothesis import strategies as st
from tiktoken_ext.openai_public import r50k_pat_str
from tokenizers import Tokenizer, models, pre_tokenizers

from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.data import messages, tokenizer, tokens
from spampipe.models.architectures import BASE_MODELS
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT


@pytest.fixture(scope="module")
def gpt2(gpt2_base) -> tiktoken.Encoding:
    return tokenizer.load(gpt2_base / "tokenizer.tiktoken", "r50k_base")


@pytest.fixture(scope="module")
def smollm2(smollm2_base) -> tiktoken.Encoding:
    return tokenizer.load(smollm2_base / "tokenizer.tiktoken", "smollm2")


@pytest.fixture(scope="module")
def smollm2_fields(smollm2_published) -> dict[str, list]:
    """What SmolLM2's published file says of its tokens and merges."""
    fields = GGUFReader(smollm2_published).fields
    return {name: fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "merges")}


@pytest.fixture(scope="module")
def published_smollm2(smollm2_fields) -> Tokenizer:
    """SmolLM2's encoding as Hugging Face runs it: digits are taken out one by one, then GPT-2's rules apply.

    Its tokens and merges are the GGUF file's. (transformers reads that file too, but leaves the digits' step out.)
    """
    vocabulary = {token: number for number, token in enumerate(smollm2_fields["tokens"])}
    merges = [tuple(merge.split(" ")) for merge in smollm2_fields["merges"]]
    published = Tokenizer(models.BPE(vocabulary, merges))
    published.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    return published


@pytest.fixture(scope="module")
def real_texts(raw_messages) -> list[str]:
    return messages.parse(raw_messages.read_bytes(), raw_messages, TWO)["Text"].unique().tolist()


def test_gpt2_ids_are_those_the_book_shows(gpt2):
    assert tokens.encode(gpt2, ["Do you have time"]) == [[5211, 345, 423, 640]]
    assert gpt2.encode("<|endoftext|>", allowed_special="all") == [50256]
    assert tokenizer.TOKENIZERS["r50k_base"].end_of_text == 50256


def test_gpt2_splits_texts_as_openai_does(gpt2, real_texts):
    ranks = gpt2._mergeable_ranks
    published = tiktoken.Encoding("published", pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens={})
    assert tokens.encode(gpt2, real_texts) == tokens.encode(published, real_texts)


def test_smollm2_ids_are_the_published_tokenizers_on_all_real_messages(smollm2, published_smollm2, real_texts):
    expected = [encoding.ids for encoding in published_smollm2.encode_batch(real_texts)]
    assert tokens.encode(smollm2, real_texts) == expected


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet=" \t\n\r\u00a0ab's05²é漢😀.!#<|>_", max_size=16))
def test_smollm2_ids_are_the_published_tokenizers_on_any_text(smollm2, published_smollm2, text):
    assert tokens.encode(smollm2, [text]) == [published_smollm2.encode(text).ids]


def test_smollm2_special_tokens_are_those_of_the_published_file(smollm2_fields):
    published = smollm2_fields["tokens"]
    spec = tokenizer.TOKENIZERS["smollm2"]
    assert published[:17] == list(spec.special_tokens)
    assert list(spec.special_tokens.values()) == list(range(17))
    assert published[spec.end_of_text] == "<|endoftext|>"


@pytest.mark.parametrize("encoding", ["gpt2", "smollm2"])
def test_special_tokens_in_a_message_are_ordinary_text(encoding, request):
    encoding = request.getfixturevalue(encoding)
    text = "Win <|endoftext|><|im_start|> now"
    (ids,) = tokens.encode(encoding, [text])
    assert encoding.decode(ids) == text
    assert not set(ids) & {encoding.encode_single_token(special) for special in encoding.special_tokens_set}


@pytest.mark.parametrize("model", BASE_MODELS)
def test_every_id_has_a_row_in_the_models_embedding(model):
    base = BASE_MODELS[model]
    assert tokenizer.TOKENIZERS[base.tokenizer].vocabulary_size == base.config.vocabulary_size


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


def _rank(token: bytes, number: int) -> bytes:
    return base64.b64encode(token) + b" %d\n" % number


@pytest.mark.parametrize("name", tokenizer.TOKENIZERS)
@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [],
        lambda lines: [*lines[:-1], lines[-1][:-2]],
        lambda lines: [*lines[:-1], lines[-1].split()[0]],
        lambda lines: lines[:-100],
        lambda lines: lines[1:],
        lambda lines: [*lines[:-1], lines[0]],
        lambda lines: [*lines, _rank(b"never seen before", 10**6)],
        lambda lines: [b"<html> <body>\n", *lines],
        lambda lines: [b"\xff\xfe 3 4\n", *lines],
        lambda lines: [b"A 5\n", *lines[1:]],
        lambda lines: [lines[0].split()[0] + b" five\n", *lines[1:]],
    ],
    ids=[
        "empty",
        "cut in a number",
        "cut before a number",
        "cut at a line end",
        "first line lost",
        "line replaced by another",
        "line too many",
        "page",
        "three fields",
        "no base64",
        "no number",
    ],
)
def test_damaged_rank_file_is_refused(name, damage, tmp_path, request):
    folder = request.getfixturevalue("gpt2_base" if name == "r50k_base" else "smollm2_base")
    lines = (folder / "tokenizer.tiktoken").read_bytes().splitlines(keepends=True)
    damaged_lines = damage(lines)
    assert damaged_lines != lines
    path = tmp_path / "tokenizer.tiktoken"
    path.write_bytes(b"".join(damaged_lines))
    with pytest.raises(DataError, match=r"tokenizer\.tiktoken: not a rank file .* run `dvc repro --force download`"):
        tokenizer.load(path, name)


def test_missing_rank_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"tokenizer\.tiktoken: no such file; run `dvc repro download`"):
        tokenizer.load(tmp_path / "tokenizer.tiktoken", "smollm2")


def test_rank_files_of_the_two_families_are_not_confused(gpt2_base, smollm2_base):
    with pytest.raises(DataError, match="its ids are not those of smollm2"):
        tokenizer.load(gpt2_base / "tokenizer.tiktoken", "smollm2")
    with pytest.raises(DataError, match="its ids are not those of r50k_base"):
        tokenizer.load(smollm2_base / "tokenizer.tiktoken", "r50k_base")


def test_written_ranks_are_read_back(tmp_path, gpt2_base):
    """A published rank file is what `write_ranks` makes of its own pairs."""
    published = gpt2_base / "tokenizer.tiktoken"
    pairs = [line.split() for line in published.read_bytes().splitlines()]
    tokenizer.write_ranks(tmp_path / "ranks", [(base64.b64decode(token), int(rank)) for token, rank in pairs])
    assert files.digest(tmp_path / "ranks") == files.digest(published)
