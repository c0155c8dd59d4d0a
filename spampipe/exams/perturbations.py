"""Ways to change a text: functions of the text and a seed alone, which leave it as it is where they cannot apply."""

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from random import Random

Perturbation = Callable[[str, int], str]

ZERO_WIDTH = "\u200b"  # the zero-width space
LEET = dict(zip("aeiostAEIOST", "431057431057", strict=True))
# Latin letters and the Cyrillic ones that look like them (Unicode Technical Standard 39).
HOMOGLYPHS = dict(zip("aceopxyijsABCEHKMOPTX", "асеорхуіјѕАВСЕНКМОРТХ", strict=True))  # noqa: RUF001 - meant so

_SHARE = 0.5  # of the places where a text can be changed
_SPACED_LETTERS, _SPLIT_LETTERS = 3, 4  # that a word has at least
_WORD = re.compile(r"[^\W\d_]+")
_URL = re.compile(
    r"(?:https?://(?:www\.)?|www\.)(?P<addressed>[\w-]+)\S*"
    r"|(?<![\w@.-])(?P<bare>[\w-]+)(?:\.[\w-]+)*\.(?:biz|com|info|mobi|net|org|tv|uk)(?![\w-])(?:/\S*)?",
    re.IGNORECASE,
)


def leet(text: str, seed: int) -> str:
    """Write digits for half of the letters that have one which resembles them: `fr33` for `free`.

    Args:
        text: any text.
        seed: decides which letters.
    """
    return _translated(text, seed, LEET)


def zero_width(text: str, seed: int) -> str:
    """Put zero-width spaces into half of the gaps between letters and digits.

    Args:
        text: any text.
        seed: decides which gaps.
    """
    gaps = [place for place in range(1, len(text)) if text[place - 1].isalnum() and text[place].isalnum()]
    chosen = _half_of(gaps, text, seed)
    return "".join(ZERO_WIDTH + letter if place in chosen else letter for place, letter in enumerate(text))


def homoglyphs(text: str, seed: int) -> str:
    """Write Cyrillic letters for half of the Latin ones that look the same.

    Args:
        text: any text.
        seed: decides which letters.
    """
    return _translated(text, seed, HOMOGLYPHS)


def spaced_letters(text: str, seed: int) -> str:
    """Put spaces between the letters of half of the words: `F R E E` for `FREE`.

    Args:
        text: any text.
        seed: decides which of the words of three letters or more.
    """
    return _with_words(text, seed, lambda word: " ".join(word) if len(word) >= _SPACED_LETTERS else word)


def split_words(text: str, seed: int) -> str:
    """Put a space into the middle of half of the words: `pri ze` for `prize`.

    Args:
        text: any text.
        seed: decides which of the words of four letters or more.
    """

    def split(word: str) -> str:
        middle = (len(word) + 1) // 2
        return f"{word[:middle]} {word[middle:]}" if len(word) >= _SPLIT_LETTERS else word

    return _with_words(text, seed, split)


def cut_urls(text: str, seed: int) -> str:
    """Leave of each web address the first name of its host: `example` of `http://www.example.com/win`.

    Args:
        text: any text.
        seed: without effect.
    """
    return _URL.sub(lambda found: found["addressed"] or found["bare"], text)


def typos(text: str, seed: int) -> str:
    """Swap two letters within half of the words: `tomororw` for `tomorrow`.

    Args:
        text: any text.
        seed: decides which of the words that have different letters side by side, the first and the last left out.
    """

    def swapped(word: str) -> str:
        for place in range(len(word) - 3, 0, -1):
            if word[place] != word[place + 1]:
                return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        return word

    return _with_words(text, seed, swapped)


def upper_case(text: str, seed: int) -> str:
    """Write all letters as capitals.

    Args:
        text: any text.
        seed: without effect.
    """
    return text.upper()


def lower_case(text: str, seed: int) -> str:
    """Write no letter as a capital.

    Args:
        text: any text.
        seed: without effect.
    """
    return text.lower()


def padded(text: str, others: Sequence[str], words: int) -> str:
    """A text with others behind it, one after another, until it is long enough.

    Args:
        text: any text.
        others: what may follow, none empty, in this order and then from the beginning; if there are none, the text
            stays as it is.
        words: how many words the result has at least.
    """
    parts, count = [text], len(text.split())
    for other in itertools.cycle(others):
        if count >= words:
            break
        parts.append(other)
        count += len(other.split())
    return " ".join(parts)


def shuffled(places: Sequence[int], seed: int) -> list[int]:
    """The numbers in an order that the seed decides.

    Args:
        places: any numbers.
        seed: decides the order.
    """
    random = Random(seed)
    return sorted(places, key=lambda _: random.random())


# What senders do so that a filter does not know their words.
EVASIONS: Mapping[str, Perturbation] = {
    "leet": leet,
    "zero_width": zero_width,
    "homoglyphs": homoglyphs,
    "spaced_letters": spaced_letters,
    "split_words": split_words,
    "cut_urls": cut_urls,
}
ALL: Mapping[str, Perturbation] = {
    **EVASIONS,
    "typos": typos,
    "upper_case": upper_case,
    "lower_case": lower_case,
}


def _half_of(places: Sequence[int], text: str, seed: int) -> set[int]:
    """Half of the places, at least one if there are any."""
    random = Random(f"{seed} ".encode() + text.encode("utf-8", "surrogatepass"))
    drawn = sorted(places, key=lambda _: random.random())
    return set(drawn[: math.ceil(len(places) * _SHARE)])


def _translated(text: str, seed: int, table: Mapping[str, str]) -> str:
    chosen = _half_of([place for place, letter in enumerate(text) if letter in table], text, seed)
    return "".join(table[letter] if place in chosen else letter for place, letter in enumerate(text))


def _with_words(text: str, seed: int, change: Callable[[str], str]) -> str:
    """The text with half of the words changed that `change` does not leave as they are."""
    words = [found.start() for found in _WORD.finditer(text) if change(found[0]) != found[0]]
    chosen = _half_of(words, text, seed)
    return _WORD.sub(lambda found: change(found[0]) if found.start() in chosen else found[0], text)
