"""How probable a decoder finds continuations of texts, by its scores of the next token.

The log-probability of a continuation is the sum over its tokens, log p(token | all before it), as a language model
defines it; it is not divided by the number of tokens.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from spampipe.core.progress import Progress
from spampipe.models.choices import Precision
from spampipe.models.compute import send
from spampipe.models.decoder import Decoder
from spampipe.models.precision import autocast, rounded_weights

_TOGETHER = 1024  # texts whose states are kept at a time, so that weights are rounded seldom

_Ids = Sequence[int]


@torch.no_grad()
def log_probabilities(
    decoder: Decoder,
    rows: Sequence[_Ids],
    continuations: Sequence[_Ids],
    batch_size: int,
    precision: Precision,
    name: str | None,
) -> npt.NDArray[np.float64]:
    """The log-probability of each continuation after each text.

    The decoder reads a text once for each group of continuations that agree in all but their last token: once in all
    if each is one token.

    Args:
        decoder: in evaluation mode.
        rows: the token ids of N texts, at least one each.
        continuations: the token ids of K continuations, at least one each.
        batch_size: texts of a forward pass; texts of like length go together.
        precision: what matrix products are computed in; the scores of tokens are always computed in float32.
        name: for the progress line; None for no progress.

    Returns:
        (N, K) natural logarithms.
    """
    found = np.empty((len(rows), len(continuations)))
    order = np.argsort([-len(row) for row in rows], kind="stable")
    groups = list(_shared_beginnings(continuations))
    with Progress(f"asking about {name}", len(rows) * len(groups), "prompts", shown=name is not None) as progress:
        for start in range(0, len(rows), _TOGETHER):
            batches = np.split(order[start : start + _TOGETHER], range(batch_size, _TOGETHER, batch_size))
            batches = [batch for batch in batches if len(batch)]
            for beginning, members in groups:
                states = []
                with rounded_weights(decoder, precision):
                    for batch in batches:
                        states.append(_states(decoder, [rows[n] for n in batch], beginning, precision))
                        progress.advance(len(batch))
                for batch, read in zip(batches, states, strict=True):
                    scores = decoder.logits(read).log_softmax(dim=-1)  # (B, tokens of the beginning + 1, vocabulary)
                    for member in members:
                        ids = continuations[member]
                        total = scores[:, range(len(ids)), list(ids)].sum(dim=1)
                        found[batch, member] = total.cpu().double().numpy()
    return found


def _shared_beginnings(continuations: Sequence[_Ids]) -> Iterator[tuple[_Ids, list[int]]]:
    """Beginnings to append to texts, and the continuations whose tokens can all be scored with each of them."""
    needed = sorted({tuple(ids[:-1]) for ids in continuations}, key=lambda ids: (-len(ids), ids))
    left = dict(enumerate(continuations))
    for beginning in needed:
        members = [number for number, ids in left.items() if tuple(ids[:-1]) == beginning[: len(ids) - 1]]
        if members:
            yield beginning, members
        for number in members:
            del left[number]


def _states(decoder: Decoder, rows: Sequence[_Ids], beginning: _Ids, precision: Precision) -> Tensor:
    """(B, A + 1, C) normalized hidden states, float32: at the last token of each row and at the A appended ones."""
    device = decoder.token_embedding.weight.device
    padded = pad_sequence([torch.tensor([*row, *beginning]) for row in rows], batch_first=True)
    with autocast(device, precision):
        hidden_states = decoder(send(padded, device))
    last = torch.tensor([len(row) - 1 for row in rows], device=device)
    positions = last[:, None] + torch.arange(len(beginning) + 1, device=device)
    return hidden_states[torch.arange(len(rows), device=device)[:, None], positions].float()
