"""Which tokens of a text that is too long are left out."""

from collections.abc import Sequence
from typing import Literal

Truncate = Literal["tail", "head", "middle"]  # the part of a too long text that is cut off


def cut(row: Sequence[int], max_length: int, rule: Truncate, special: tuple[int, int] = (0, 0)) -> Sequence[int]:
    """A row of token ids, cut to a length.

    Special tokens at the begin and at the end stay, as long as there is room for them.

    Args:
        row: the token ids of one text, special ones included.
        max_length: the most tokens that are left.
        rule: what is cut off: `tail` the last tokens of the text, `head` the first ones, `middle` those between the
            first and the last half of what fits; of an odd number, the first half has one more.
        special: how many special tokens every row begins and ends with.

    Returns:
        The row itself if it fits; else exactly `max_length` of its tokens, in their order.
    """
    if len(row) <= max_length:
        return row
    begin, end = special
    last = len(row) - end
    room = max_length - begin - end
    if room <= 0:
        return [*row[:begin], *row[last:]][:max_length]
    kept_first = {"tail": room, "head": 0, "middle": (room + 1) // 2}[rule]
    kept_last = room - kept_first
    return [*row[: begin + kept_first], *row[last - kept_last :]]
