"""A question's file, and the prompts that are made of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.classifiers import prompt_template, prompt_tokens
from spampipe.classifiers.prompt_template import Prompts, PromptTemplate
from spampipe.core.errors import DataError, ParamsError
from spampipe.data.labels import LabelSet
from spampipe.data.tokenizer import Tokenizer
from spampipe.models.families.gpt2 import FAMILY
from tests.support.label_sets import THREE, TWO
from tests.support.project import ROOT

TEMPLATE = PromptTemplate(
    instruction="One of {answers}.\n", question="Text: {text}\nLabel:", answers={"ham": "fine", "spam": "bad"}
)
PLAIN = PromptTemplate(instruction="", question="{text} =", answers={"ham": "no", "spam": "yes"})


@pytest.fixture(scope="module")
def tokenizer(gpt2_base: Path) -> Tokenizer:
    return FAMILY.load_tokenizer(gpt2_base)


def test_a_prompt_is_instruction_examples_and_question() -> None:
    prompts = Prompts(TEMPLATE, [("hi", "ham"), ("win", "spam")])
    assert prompts.of("you?") == (
        "One of fine, bad.\n\nText: hi\nLabel: fine\n\nText: win\nLabel: bad\n\nText: you?\nLabel:"
    )
    assert prompts.answers == [" fine", " bad"]


def test_white_space_at_the_questions_end_belongs_to_the_answers() -> None:
    prompts = Prompts(PLAIN.model_copy(update={"question": "{text}?\n"}), [("hi", "ham")])
    assert (prompts.of("you"), prompts.answers) == ("hi?\nno\n\nyou?", ["\nno", "\nyes"])


@given(st.text())
def test_a_text_stands_in_its_prompt_as_it_is(text: str) -> None:
    """Whatever looks like a placeholder in it."""
    for prompts in (Prompts(TEMPLATE, []), Prompts(TEMPLATE, [("{text}", "ham")])):
        asked, other = prompts.of(text), prompts.of("")
        assert asked == other[: -len("\nLabel:")] + text + "\nLabel:"


@pytest.mark.parametrize("labels", [TWO, THREE], ids=["two", "three"])
def test_the_default_question_is_for_any_labels(labels: LabelSet) -> None:
    template = prompt_template.load(ROOT / "prompts" / "question.yaml").fit_to(labels, "question.yaml")
    prompts = Prompts(template, [])
    assert prompts.answers == [f" {name}" for name in labels.names]
    assert f"classes: {', '.join(labels.names)}." in prompts.of("hello") and "Text: hello\n" in prompts.of("hello")


def test_the_books_question_is_for_the_books_labels() -> None:
    template = prompt_template.load(ROOT / "prompts" / "spam.yaml")
    prompts = Prompts(template.fit_to(TWO, "spam.yaml"), [])
    assert prompts.of("hi") == "Is the following text 'spam'? Answer with 'yes' or 'no':\n'hi'"
    assert prompts.answers == [" no", " yes"]
    with pytest.raises(
        ParamsError, match=r"^spam.yaml: answers: must be for the labels no, perhaps, yes, not ham, sp"
    ):
        template.fit_to(THREE, "spam.yaml")


USUAL = "instruction: ''\nquestion: '{text}:'\nanswers: null\n"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "No such file or directory; model.prompt_template names the file"),
        ("question: [", "cannot be read: "),
        ("just words", "must be a valid dictionary"),
        (USUAL.replace("question", "questoin"), "question: Field required"),
        (USUAL.replace("{text}", ""), "{text} must stand once, in question"),
        (USUAL.replace("{text}", "{text} {text}"), "{text} must stand once, in question"),
        (USUAL.replace("null", "{a: 'x ', b: y}"), "answers: 'x ' is empty, or begins or ends with white space"),
        (USUAL.replace("null", "{a: x, b: x}"), "answers: x stands for two labels"),
        (USUAL.replace("null", "{a: 1, b: x}"), "answers.a: must be a valid string"),
    ],
)
def test_an_unusable_file_is_refused_in_one_line(tmp_path: Path, content: str | None, complaint: str) -> None:
    path = tmp_path / "question.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ParamsError) as caught:
        prompt_template.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and complaint in message and "\n" not in message


def test_answers_are_the_tokens_that_follow_a_prompt(tokenizer: Tokenizer) -> None:
    prompts = Prompts(TEMPLATE, [("hi", "ham")])
    (before,) = tokenizer.encode([prompts.of("what?")])
    for answer, ids in zip(prompts.answers, prompt_tokens.answers(prompts, tokenizer), strict=True):
        assert tokenizer.encode([prompts.of("what?") + answer]) == [before + ids]
        assert tokenizer.decode(ids) == answer


def test_a_text_that_is_too_long_is_cut_and_the_question_stays(tokenizer: Tokenizer) -> None:
    prompts = Prompts(TEMPLATE, [("hi", "ham")])
    long = "one 🎉 two <|endoftext|> three " * 30
    (whole, short) = prompt_tokens.rows(prompts, tokenizer, [long, "ok"], 10_000)
    assert whole == tokenizer.encode([prompts.of(long)])[0] and len(whole) > 300
    for room in (40, 41, 42, 43, 100, len(whole) - 1, len(whole)):
        cut, same = prompt_tokens.rows(prompts, tokenizer, [long, "ok"], room)
        assert room - 4 <= len(cut) <= room and same == short
        asked = tokenizer.decode(cut)
        assert asked.endswith("\nLabel:") and asked.startswith(prompts.of("one")[: -len("\nLabel:")])
    with pytest.raises(DataError, match=r"^a prompt has 23 tokens with a text of 1, and may have 20; lower model\."):
        prompt_tokens.rows(prompts, tokenizer, ["ok"], 20)


def test_an_answer_that_is_no_token_of_its_own_is_refused(tokenizer: Tokenizer) -> None:
    joined = Prompts(PLAIN, [])
    joined.answers = ["=", "yes"]  # `==` is one token
    with pytest.raises(
        ParamsError, match=r"^answer =: r50k_base makes one token of its begin and the question's end; "
    ):
        prompt_tokens.answers(joined, tokenizer)


def test_texts_are_cut_to_their_first_tokens(tokenizer: Tokenizer) -> None:
    texts = ["a b c d", "a b c", " ", "🎉🎉🎉"]
    assert prompt_tokens.cut(texts, tokenizer, 3, "tail")[:3] == ["a b c", "a b c", " "]
    assert prompt_tokens.cut(texts, tokenizer, 3, "head")[:3] == [" b c d", "a b c", " "]
    assert prompt_tokens.cut(texts, tokenizer, 100, "tail") == texts
