"""Run a trained classifier over whole tables of messages; without pandas, which takes long to import."""

import functools

import numpy as np
import numpy.typing as npt
import torch

from spampipe.core.progress import Progress
from spampipe.data.messages import SPAM
from spampipe.data.tokens import TokenTable
from spampipe.models.classifier import Classifier
from spampipe.models.precision import Precision, autocast, rounded_weights
from spampipe.training.examples import Examples, TokenExamples, prepare


@torch.no_grad()
def spam_probabilities(
    classifier: Classifier,
    table: TokenTable,
    batch_size: int,
    precision: Precision,
    name: str | None,
    *,
    reuse_trunk: bool = False,
) -> npt.NDArray[np.float64]:
    """Each message's probability of being spam, by softmax over the logits.

    Args:
        classifier: in evaluation mode.
        table: the messages.
        batch_size: messages a forward pass; messages of like length go together.
        precision: of the matrix products.
        name: for the progress line; None for no progress, as where the caller shows its own.
        reuse_trunk: take the frozen layers' output from the store, and leave it there for the next run.

    Returns:
        (messages,) float64, in the table's order.
    """
    if not len(table):
        return np.empty(0)
    make = functools.partial(prepare, precision=precision, name=str(name)) if reuse_trunk else TokenExamples
    examples: Examples = make(classifier, table)
    probabilities = np.empty(len(table))
    order = torch.from_numpy(np.argsort(-table.lengths, kind="stable"))
    with (
        Progress(f"scoring {name}", len(table), "messages", shown=name is not None) as progress,
        rounded_weights(classifier, precision),
    ):
        for batch in order.split(batch_size):
            with autocast(examples.labels.device, precision):
                logits = classifier(*examples.inputs(batch))
            probabilities[batch.numpy()] = logits.softmax(dim=-1)[:, SPAM].cpu().double().numpy()
            progress.advance(len(batch))
    return probabilities
