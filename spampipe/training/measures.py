"""Figures of a network that is being trained: its loss, and the share of texts that it labels right."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spampipe.data.labels import EVEN, decide
from spampipe.models.adapters import held
from spampipe.models.choices import Precision
from spampipe.models.classifier import Classifier
from spampipe.models.compute import send
from spampipe.models.precision import autocast
from spampipe.training import distributed, losses
from spampipe.training.examples import Examples
from spampipe.training.scoring import softmax

_BATCH = 32  # texts; changes speed only


@dataclass(frozen=True)
class Figures:
    """What a network is worth on all texts of a split.

    Attributes:
        accuracy: the share of texts that are given the right label.
        loss: the mean cross-entropy.
    """

    accuracy: float
    loss: float


def over_all(
    classifier: Classifier, examples: Examples, precision: Precision, weights: Tensor | None = None
) -> Figures:
    """Accuracy and loss over all texts, from one pass; the same in each of several processes.

    Labels are decided as everywhere, by `data.labels.decide`. Its threshold is EVEN, since the one that the
    classifier is used with is chosen after training.

    Args:
        classifier: the network.
        examples: the texts.
        precision: what matrix products are computed in, `fp32` or `bf16`.
        weights: (K,) how much a text of each class counts in the loss; None for 1.
    """
    correct, loss, labels = 0, 0.0, examples.labels.cpu().numpy()
    device = examples.labels.device
    with evaluating(classifier), autocast(device, precision):
        batches = examples.lengths.argsort(stable=True).split(_BATCH)
        for batch in batches[distributed.rank() :: distributed.world_size()]:
            logits = classifier(*examples.inputs(batch))
            decided = decide(softmax(logits), examples.label_set, EVEN)
            correct += int(np.count_nonzero(decided == labels[batch.numpy()]))
            loss += losses.summed_cross_entropy(logits, examples.labels[send(batch, device)], weights).item()
    all_correct, whole_loss = distributed.sums((correct, loss), device)
    return Figures(all_correct / len(labels), whole_loss / losses.summed_weights(examples.labels, weights))


def mean_loss(
    classifier: Classifier, examples: Examples, batches: Iterable[Tensor], weights: Tensor | None = None
) -> float:
    """The mean of some batches' mean losses, as in the book.

    Args:
        classifier: the network.
        examples: the texts.
        batches: (B,) row numbers, at least one batch.
        weights: (K,) how much a text of each class counts; None for 1.
    """
    device = examples.labels.device
    found = [
        losses.cross_entropy(classifier(*examples.inputs(batch)), examples.labels[send(batch, device)], weights)
        for batch in batches
    ]
    return torch.stack(found).mean().item()


@contextmanager
def evaluating(classifier: Classifier) -> Iterator[None]:
    """No gradients, no dropout and no change of the network within the block; the network is then as it was.

    Args:
        classifier: the network.
    """
    was_training = classifier.training
    classifier.eval()
    try:
        with torch.no_grad(), held(classifier):
            yield
    finally:
        classifier.train(was_training)
