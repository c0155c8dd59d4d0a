"""Which tokens of a text that is too long are left out."""

import logging
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from spampipe.data import messages, tokens
from spampipe.data.fast_tokenizer import FastTokenizer
from spampipe.data.settings import TokenizePadParams
from spampipe.data.truncation import cut
from spampipe.models import encoding
from spampipe.models.architectures import BaseChoice
from tests.support.label_sets import TWO

RULES = ("tail", "head", "middle")


@pytest.mark.parametrize(
    ("rule", "length", "expected"),
    [
        ("tail", 4, "abcd"),
        ("head", 4, "efgh"),
        ("middle", 4, "abgh"),
        ("middle", 5, "abcgh"),
        ("middle", 1, "a"),
        ("head", 1, "h"),
        *((rule, length, "abcdefgh") for rule in RULES for length in (8, 9)),
        *((rule, 0, "") for rule in RULES),
    ],
)
def test_each_rule_cuts_off_what_it_is_called_for(rule: str, length: int, expected: str) -> None:
    row = [ord(letter) for letter in "abcdefgh"]
    assert "".join(map(chr, cut(row, length, rule))) == expected


@given(
    st.lists(st.integers(3, 99), max_size=12),
    st.integers(0, 20),
    st.sampled_from(RULES),
    st.booleans(),
    st.booleans(),
)
def test_special_tokens_stay_at_both_ends(ids: list[int], length: int, rule: str, begin: bool, end: bool) -> None:
    row = [1] * begin + ids + [2] * end
    found = list(cut(row, length, rule, (int(begin), int(end))))
    assert len(found) == min(len(row), length)
    if length >= begin + end:
        assert found[:begin] == row[:begin] and found[len(found) - end :] == row[len(row) - end :]
        body = found[begin : len(found) - end]
        assert body == list(cut(ids, length - begin - end, rule))


@pytest.mark.parametrize(
    ("template", "around"),
    [("[CLS] $A [SEP]", (1, 1)), ("[CLS] $A", (1, 0)), ("$A [SEP] [SEP]", (0, 2)), ("$A", (0, 0))],
)
def test_a_tokenizer_says_how_many_special_tokens_it_adds(
    tmp_path: Path, template: str, around: tuple[int, int]
) -> None:
    built = Tokenizer(WordLevel({"[CLS]": 0, "[SEP]": 1, "?": 2, "a": 3, "b": 4}, unk_token="?"))
    built.pre_tokenizer = Whitespace()
    built.post_processor = TemplateProcessing(single=template, special_tokens=[("[CLS]", 0), ("[SEP]", 1)])
    built.save(str(tmp_path / "tokenizer.json"))
    for special, expected in ((True, around), (False, (0, 0))):
        tokenizer = FastTokenizer(tmp_path / "tokenizer.json", "words", 2, special=special)
        assert (tokenizer.prefix_length, tokenizer.suffix_length) == expected
    with_special = FastTokenizer(tmp_path / "tokenizer.json", "words", 2, special=True)
    (row,) = with_special.encode(["a a b b b b"])
    table = tokens.pad([row], [0], 4, 2, TWO, "head", around)
    begin, end = around
    assert table.input_ids[0].tolist() == [0] * begin + [4] * (4 - begin - end) + [1] * end


def test_what_is_cut_is_counted_and_much_of_it_is_a_warning(
    gpt2_base: Path, caplog: pytest.LogCaptureFixture
) -> None:
    texts = {
        "train": ["one two three"] * 19 + ["one two three four five"],
        "validation": ["one"],
        "test": ["one two three four five", "one two", "three"],
        "leftover": [],
    }
    tables = {
        name: pd.DataFrame({"Label": [0] * len(some), "Text": some}).astype(messages.COLUMNS)
        for name, some in texts.items()
    }
    settings = TokenizePadParams(max_length=4, truncate="head")
    with caplog.at_level(logging.WARNING, logger="spampipe"):
        found = encoding.tokenize(tables, TWO, BaseChoice("gpt2-tiny", "random"), gpt2_base, settings)
    assert found.truncated == {"train": 0.05, "validation": 0.0, "test": pytest.approx(1 / 3), "leftover": None}
    assert [record.getMessage() for record in caplog.records] == [
        "warning: texts of more than 4 tokens lose their head: 33.3% of test; see tokenize_pad in params.yaml"
    ]
    (whole,) = (
        encoding.tokenize(
            tables,
            TWO,
            BaseChoice("gpt2-tiny", "random"),
            gpt2_base,
            TokenizePadParams(max_length=5, truncate="tail"),
        )
        .tables["test"]
        .input_ids[:1]
    )
    assert found.tables["test"].input_ids[0].tolist() == whole.tolist()[-4:]


def test_nothing_is_cut_for_a_model_that_reads_no_tokens() -> None:
    table = pd.DataFrame({"Label": [0], "Text": ["one"]}).astype(messages.COLUMNS)
    settings = TokenizePadParams(max_length="longest_train", truncate="tail")
    assert encoding.tokenize({"train": table}, TWO, None, Path(), settings).truncated == {"train": 0.0}
