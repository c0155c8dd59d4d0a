"""The loss that training lowers, and how much each class counts in it."""

import torch
from torch import Tensor
from torch.nn import functional

from spampipe.training.settings import ClassWeights


def class_weights(labels: Tensor, classes: int, choice: ClassWeights) -> Tensor | None:
    """How much a text of each class counts.

    Args:
        labels: (N,) int64, the class index of each training text.
        classes: K, how many classes there are.
        choice: `none`, or `balanced`: N / (K * texts of the class), as scikit-learn's `compute_class_weight` has it,
            so that every class counts as much as the others together with it would if all were of one size.

    Returns:
        (K,) float32 on the labels' device; a class without a text counts like one with a single text. None for
        `none`: each text counts 1.
    """
    if choice == "none":
        return None
    counts = torch.bincount(labels.cpu(), minlength=classes).clamp(min=1).double()
    return (len(labels) / (classes * counts)).float().to(labels.device)


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """The mean cross-entropy of a batch; with weights, the weighted mean, divided by the sum of its texts' weights.

    Args:
        logits: (B, K) scores.
        labels: (B,) int64 class indices.
        weights: as `class_weights` returns them.

    Returns:
        A scalar.
    """
    return functional.cross_entropy(logits, labels, weights)


def share_of_cross_entropy(
    logits: Tensor, labels: Tensor, weights: Tensor | None, batch_labels: Tensor, processes: int
) -> Tensor:
    """What one of several processes adds to a batch's loss, so that the mean over the processes is that loss.

    Args:
        logits: (B / processes, K) scores of this process's part.
        labels: (B / processes,) int64, the part's class indices.
        weights: as `class_weights` returns them.
        batch_labels: (B,) int64, the class indices of the whole batch.
        processes: how many there are.

    Returns:
        A scalar; for one process, or without weights, `cross_entropy` of the part.
    """
    if weights is None or processes == 1:
        return cross_entropy(logits, labels, weights)
    summed = functional.cross_entropy(logits, labels, weights, reduction="sum")
    return summed * processes / weights[batch_labels].sum()


def summed_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """The sum over texts of weight times cross-entropy, a scalar on the CPU in float64.

    Args:
        logits: (B, K) scores.
        labels: (B,) int64 class indices.
        weights: as `class_weights` returns them.
    """
    return functional.cross_entropy(logits, labels, weights, reduction="sum").cpu().double()


def summed_weights(labels: Tensor, weights: Tensor | None) -> float:
    """What a sum of losses over texts is divided by, to be their mean.

    Args:
        labels: (N,) int64 class indices.
        weights: as `class_weights` returns them.
    """
    return float(len(labels)) if weights is None else weights.cpu().double()[labels.cpu()].sum().item()
