"""Figures of a network that is being trained: its loss over some texts, and the share that it labels right."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from spampipe.data.labels import EVEN, decide
from spampipe.models.adapters import held
from spampipe.models.choices import Precision
from spampipe.models.classifier import Classifier
from spampipe.models.compute import send
from spampipe.models.precision import autocast
from spampipe.training import distributed
from spampipe.training.examples import Examples
from spampipe.training.scoring import softmax

_BATCH = 32  # texts; changes speed only


def accuracy(classifier: Classifier, examples: Examples, precision: Precision) -> float:
    """The share of texts that are given the right label.

    Labels are decided as everywhere, by `data.labels.decide`. Its threshold is EVEN, since the one that the
    classifier is used with is chosen after training.

    Args:
        classifier: the network.
        examples: the texts.
        precision: what matrix products are computed in, `fp32` or `bf16`.
    """
    correct, labels = 0, examples.labels.cpu().numpy()
    with evaluating(classifier), autocast(examples.labels.device, precision):
        batches = examples.lengths.argsort(stable=True).split(_BATCH)
        for batch in batches[distributed.rank() :: distributed.world_size()]:
            decided = decide(softmax(classifier(*examples.inputs(batch))), examples.label_set, EVEN)
            correct += int(np.count_nonzero(decided == labels[batch.numpy()]))
    return distributed.total(torch.tensor(correct, device=examples.labels.device)).item() / len(labels)


def mean_loss(classifier: Classifier, examples: Examples, batches: Iterable[Tensor]) -> float:
    """The mean of some batches' mean losses, as in the book.

    Args:
        classifier: the network.
        examples: the texts.
        batches: (B,) row numbers, at least one batch.
    """
    device = examples.labels.device
    losses = [
        functional.cross_entropy(classifier(*examples.inputs(batch)), examples.labels[send(batch, device)])
        for batch in batches
    ]
    return torch.stack(losses).mean().item()


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
