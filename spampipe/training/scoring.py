"""Run a trained network over whole tables of texts; without pandas, which takes long to import."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spampipe.core.progress import Progress
from spampipe.data.labels import Probabilities
from spampipe.data.tokens import TokenTable
from spampipe.models.adapters import held
from spampipe.models.choices import Precision
from spampipe.models.frozen_trunk import Model
from spampipe.models.precision import autocast, rounded_weights
from spampipe.training.examples import Examples, TokenExamples, prepare


@torch.no_grad()
def class_probabilities(
    model: Model,
    table: TokenTable,
    batch_size: int,
    precision: Precision,
    name: str | None,
    store: Path | None = None,
) -> Probabilities:
    """How probable each class is for each text.

    Args:
        model: the network and its frozen part, in evaluation mode.
        table: the N texts' tokens; its labels are not looked at.
        batch_size: texts of a forward pass; texts of like length go together.
        precision: what matrix products are computed in, `fp32` or `bf16`.
        name: for the progress line; None for no progress, as where the caller shows its own.
        store: the folder that the frozen layers' output is taken from, and left in for the next run; None to run the
            whole network and keep nothing.

    Returns:
        (N, K) float64, in the table's order; each row adds up to 1.
    """
    found = np.empty((len(table), len(table.label_set)))
    if not len(table):
        return found
    examples: Examples = (
        TokenExamples(model, table) if store is None else prepare(model, table, precision, str(name), store)
    )
    order = torch.from_numpy(np.argsort(-table.lengths, kind="stable"))
    with (
        Progress(f"scoring {name}", len(table), "messages", shown=name is not None) as progress,
        rounded_weights(model.network, precision),
        held(model.network),
    ):
        for batch in order.split(batch_size):
            with autocast(examples.labels.device, precision):
                logits = model.network(*examples.inputs(batch))
            found[batch.numpy()] = softmax(logits)
            progress.advance(len(batch))
    return found


def softmax(logits: Tensor) -> Probabilities:
    """The (B, K) probabilities that every decision is made on.

    Args:
        logits: (B, K) float32 scores of K classes, on any device.
    """
    probabilities: Probabilities = logits.softmax(dim=-1).cpu().double().numpy()
    return probabilities
