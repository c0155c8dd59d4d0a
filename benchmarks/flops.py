"""Count a decoder's floating-point operations, and measure how many a second the machine does at best."""

import time

import torch

from spampipe.data.tokens import TokenTable
from spampipe.models.classifier import Classifier
from spampipe.training import trunk_pass


def block_flops(classifier: Classifier, stop: int | None) -> int:
    """Operations for one token through the blocks before `stop`: two for each entry of their weight matrices.

    Attention's own products, norms and activations are not counted, so that a rate from this is a lower bound.
    """
    parameters = classifier.decoder.blocks[:stop].parameters()
    return 2 * sum(tensor.numel() for tensor in parameters if tensor.dim() == 2)


def trunk_flops(classifier: Classifier, table: TokenTable) -> int:
    """Operations of the frozen layers' pass over a table, in which messages with the same tokens share one."""
    return block_flops(classifier, classifier.trunk_depth) * trunk_tokens(classifier, table)


def trunk_tokens(classifier: Classifier, table: TokenTable) -> int:
    """Tokens that the frozen layers' pass reads: those of distinct messages, as far as they count."""
    lengths = classifier.effective_lengths(torch.from_numpy(table.lengths), table.max_length)
    rows, _ = trunk_pass.distinct_rows(torch.from_numpy(table.input_ids), lengths)
    return int(lengths[rows].sum())


def matrix_rate(device: torch.device, dtype: torch.dtype, size: int, tries: int = 10) -> float:
    """Operations a second of the fastest of several products of two square matrices."""
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(tries + 1):  # the first one warms up
        synchronize(device)
        start = time.perf_counter()
        torch.matmul(left, right)
        synchronize(device)
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds[1:])


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
