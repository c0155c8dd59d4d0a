"""Prompts and answers as the tokens that a base model reads."""

from collections.abc import Sequence

from spampipe.classifiers.prompt_template import Prompts
from spampipe.core.errors import DataError, ParamsError
from spampipe.data import truncation
from spampipe.data.tokenizer import Tokenizer
from spampipe.data.truncation import Truncate


def answers(prompts: Prompts, tokenizer: Tokenizer) -> list[list[int]]:
    """The token ids of each label's answer, as they follow a prompt.

    Args:
        prompts: what the answers belong to.
        tokenizer: the base model's.

    Raises:
        ParamsError: an answer is joined with the end of the question to one token.
    """
    prompt = prompts.of("text")
    before, *whole = tokenizer.encode([prompt, *(prompt + answer for answer in prompts.answers)])
    for answer, ids in zip(prompts.answers, whole, strict=True):
        if ids[: len(before)] != before or len(ids) == len(before):
            raise ParamsError(
                f"answer {answer.strip()}: {tokenizer.name} makes one token of its begin and the question's end; "
                "have the question of model.prompt_template end in another character"
            )
    return [ids[len(before) :] for ids in whole]


def rows(prompts: Prompts, tokenizer: Tokenizer, texts: Sequence[str], room: int) -> list[list[int]]:
    """The token ids of the prompts of some texts; where they are too many, the end of the text is left out.

    Args:
        prompts: asks about the texts.
        tokenizer: the base model's.
        texts: the texts.
        room: the most tokens that a prompt may have.

    Raises:
        DataError: what stands around a text leaves it no room.
    """
    found = tokenizer.encode([prompts.of(text) for text in texts])
    for number, text in enumerate(texts):
        while (excess := len(found[number]) - room) > 0:
            (own,) = tokenizer.encode([text])
            if len(own) <= excess:
                raise DataError(
                    f"a prompt has {len(found[number])} tokens with a text of {len(own)}, and may have {room}; "
                    "lower model.prompt_shots or tokenize_pad.max_length"
                )
            text = tokenizer.decode(own[:-excess])
            (found[number],) = tokenizer.encode([prompts.of(text)])
    return found


def cut(texts: Sequence[str], tokenizer: Tokenizer, most: int, rule: Truncate) -> list[str]:
    """The texts, those that are too long without a part.

    Args:
        texts: the texts.
        tokenizer: the base model's.
        most: how many tokens a text may have.
        rule: which part of a longer text is left out.
    """
    every = tokenizer.encode(texts)
    return [
        tokenizer.decode(truncation.cut(ids, most, rule)) if len(ids) > most else text
        for text, ids in zip(texts, every, strict=True)
    ]
