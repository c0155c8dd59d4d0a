"""Texts whose words are shaded by what they do to the label that the text was given."""

from collections.abc import Sequence
from dataclasses import dataclass

from spampipe.evaluation.occlusion import MOST_RUNS, WordEffect

# Orange and sky blue of Okabe and Ito's palette, which readers tell apart however they see colours; dark letters stay
# readable on both. Blue words are also underlined with dots, for prints in grey.
_FOR, _AGAINST = "230, 159, 0", "86, 180, 233"
_LEAST_SCALE = 1.0  # log-odds; a text whose effects are all smaller is shaded faintly
_FAINTEST = 0.05  # shade that is seen

MEANING = (
    "Orange words speak for the predicted label, blue words with dots below against it: the shade grows with how far "
    "the log-odds of that label fall, or rise, once the word is left out. Point at a word to read the number. The "
    f"strongest effect in a message has the full shade, unless it is below {_LEAST_SCALE:g}. A message of more than "
    f"{MOST_RUNS} words is cut into {MOST_RUNS} runs of words; one of a single word has no shade."
)


@dataclass(frozen=True)
class Piece:
    """A part of a text.

    Attributes:
        text: the part.
        effect: log-odds as in `WordEffect`, written with its sign; empty for what is between the words.
        colour: of the background, as CSS has it; empty for none.
        against: whether the effect is below 0.
    """

    text: str
    effect: str = ""
    colour: str = ""
    against: bool = False


def pieces(text: str, words: Sequence[WordEffect]) -> list[Piece]:
    """Cut a text into its words and what is between them.

    Args:
        text: the text.
        words: its words in order, which do not overlap.

    Returns:
        Pieces that together are the text.
    """
    scale = max([_LEAST_SCALE, *(abs(word.effect) for word in words)])
    found, place = [], 0
    for word in words:
        found += [Piece(text[place : word.start]), _shaded(text[word.start : word.end], word.effect, scale)]
        place = word.end
    return [piece for piece in (*found, Piece(text[place:])) if piece.text]


def _shaded(text: str, effect: float, scale: float) -> Piece:
    hue = _AGAINST if effect < 0 else _FOR
    shade, shown = abs(effect) / scale, f"{effect:+.2f}"
    if shade < _FAINTEST:
        return Piece(text, shown)
    return Piece(text, shown, f"rgba({hue}, {shade:.2f})", effect < 0)
