"""Texts become the ids that the base models were trained with."""

import base64
from pathlib import Path

import pytest
from gguf import GGUFReader
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as PublishedTokenizer
from tokenizers import models, pre_tokenizers

from benchmarks.opponents import book_encoding
from spampipe.core import files
from spampipe.core.errors import DataError
from spampipe.data import messages, tokenizer
from spampipe.data.tokenizer import Tokenizer
from spampipe.models.architectures import Family
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.families.bert import FAMILY as BERT
from spampipe.models.families.gpt2 import ENCODING as R50K
from spampipe.models.families.gpt2 import FAMILY as GPT2
from spampipe.models.families.llama import ENCODING as SMOLLM2_ENCODING
from spampipe.models.families.llama import FAMILY as SMOLLM2
from tests.support.label_sets import TWO

ENCODINGS = {GPT2: R50K, SMOLLM2: SMOLLM2_ENCODING}


@pytest.fixture(scope="module")
def gpt2(gpt2_base) -> Tokenizer:
    return GPT2.load_tokenizer(gpt2_base)


@pytest.fixture(scope="module")
def smollm2(smollm2_base) -> Tokenizer:
    return SMOLLM2.load_tokenizer(smollm2_base)


@pytest.fixture(scope="module")
def smollm2_fields(smollm2_published) -> dict[str, list]:
    """What SmolLM2's published file says of its tokens and merges."""
    fields = GGUFReader(smollm2_published).fields
    return {name: fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "merges")}


@pytest.fixture(scope="module")
def published_smollm2(smollm2_fields) -> PublishedTokenizer:
    """SmolLM2's encoding as Hugging Face runs it: digits are taken out one by one, then GPT-2's rules apply.

    Its tokens and merges are the GGUF file's. (transformers reads that file too, but leaves the digits' step out.)
    """
    vocabulary = {token: number for number, token in enumerate(smollm2_fields["tokens"])}
    merges = [tuple(merge.split(" ")) for merge in smollm2_fields["merges"]]
    published = PublishedTokenizer(models.BPE(vocabulary, merges))
    published.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    return published


@pytest.fixture(scope="module")
def real_texts(raw_messages) -> list[str]:
    return messages.parse(raw_messages.read_bytes(), raw_messages, TWO)["Text"].unique().tolist()


def base_of(family: Family, request: pytest.FixtureRequest) -> Path:
    """A folder with a model of this family, laid out."""
    fixtures = {GPT2: "gpt2_base", SMOLLM2: "smollm2_base", BERT: "minilm_base"}
    base: Path = request.getfixturevalue(fixtures[family])
    return base


def test_gpt2_ids_are_those_the_book_shows(gpt2):
    assert gpt2.encode(["Do you have time"]) == [[5211, 345, 423, 640]]
    assert gpt2.padding == GPT2.padding == 50256
    assert gpt2.decode([50256]) == "<|endoftext|>"


def test_gpt2_splits_texts_as_openai_does(gpt2, gpt2_base, real_texts):
    published = book_encoding(GPT2.tokenizer_path(gpt2_base))
    assert gpt2.encode(real_texts) == published.encode_ordinary_batch(real_texts)


def test_smollm2_ids_are_the_published_tokenizers_on_all_real_messages(smollm2, published_smollm2, real_texts):
    expected = [encoding.ids for encoding in published_smollm2.encode_batch(real_texts)]
    assert smollm2.encode(real_texts) == expected


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet=" \t\n\r\u00a0ab's05²é漢😀.!#<|>_", max_size=16))
def test_smollm2_ids_are_the_published_tokenizers_on_any_text(smollm2, published_smollm2, text):
    assert smollm2.encode([text]) == [published_smollm2.encode(text).ids]


def test_smollm2_special_tokens_are_those_of_the_published_file(smollm2_fields):
    published = smollm2_fields["tokens"]
    special_tokens = SMOLLM2_ENCODING.special_tokens
    assert published[:17] == list(special_tokens)
    assert list(special_tokens.values()) == list(range(17))
    assert published[SMOLLM2.padding] == "<|endoftext|>"


@pytest.mark.parametrize("family", [GPT2, SMOLLM2], ids=["gpt2", "smollm2"])
def test_special_tokens_in_a_message_are_ordinary_text(family, request):
    loaded = family.load_tokenizer(base_of(family, request))
    text = "Win <|endoftext|><|im_start|> now"
    (ids,) = loaded.encode([text])
    assert loaded.decode(ids) == text
    assert not set(ids) & set(ENCODINGS[family].special_tokens.values())


@pytest.mark.parametrize("model", BASE_MODELS)
def test_every_id_has_a_row_in_the_models_embedding(model, request):
    family = BASE_MODELS[model].family
    path = family.tokenizer_path(base_of(family, request))
    if path.suffix == ".json":
        ids = set(PublishedTokenizer.from_file(str(path)).get_vocab().values())
    else:
        ranks = {int(line.split()[1]) for line in path.read_bytes().splitlines()}
        ids = ranks | set(ENCODINGS[family].special_tokens.values())
    assert ids == set(range(BASE_MODELS[model].config.vocabulary_size))


@pytest.mark.parametrize("model", BASE_MODELS)
def test_a_family_says_of_its_tokenizer_what_the_loaded_one_says(model, request):
    family = BASE_MODELS[model].family
    loaded = family.load_tokenizer(base_of(family, request))
    assert (loaded.name, loaded.padding) == (family.tokenizer, family.padding)


def _rank(token: bytes, number: int) -> bytes:
    return base64.b64encode(token) + b" %d\n" % number


@pytest.mark.parametrize("family", [GPT2, SMOLLM2], ids=["r50k_base", "smollm2"])
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
def test_damaged_rank_file_is_refused(family, damage, tmp_path, request):
    lines = family.tokenizer_path(base_of(family, request)).read_bytes().splitlines(keepends=True)
    damaged_lines = damage(lines)
    assert damaged_lines != lines
    family.tokenizer_path(tmp_path).write_bytes(b"".join(damaged_lines))
    with pytest.raises(DataError, match=r"tokenizer\.tiktoken: not a rank file .* run `dvc repro --force download`"):
        family.load_tokenizer(tmp_path)


def test_missing_rank_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"tokenizer\.tiktoken: no such file; run `dvc repro download`"):
        SMOLLM2.load_tokenizer(tmp_path)


def test_rank_files_of_the_two_families_are_not_confused(gpt2_base, smollm2_base):
    with pytest.raises(DataError, match="its ids are not those of smollm2"):
        SMOLLM2.load_tokenizer(gpt2_base)
    with pytest.raises(DataError, match="its ids are not those of r50k_base"):
        GPT2.load_tokenizer(smollm2_base)


def test_written_ranks_are_read_back(tmp_path, gpt2_base):
    """A published rank file is what `write_ranks` makes of its own pairs."""
    published = GPT2.tokenizer_path(gpt2_base)
    pairs = [line.split() for line in published.read_bytes().splitlines()]
    tokenizer.write_ranks(tmp_path / "ranks", [(base64.b64decode(token), int(rank)) for token, rank in pairs])
    assert files.digest(tmp_path / "ranks") == files.digest(published)
