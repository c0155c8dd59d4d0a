"""Run a trained classifier over whole tables of messages."""

import functools

import numpy as np
import pandas as pd
import torch

from spampipe import evaluation, messages, paths, tokens
from spampipe.classifier import Classifier
from spampipe.examples import Examples, TokenExamples, prepare
from spampipe.messages import SPAM
from spampipe.metrics import Probabilities
from spampipe.params import EvaluateParams
from spampipe.precision import Precision, autocast, rounded_weights
from spampipe.progress import Progress
from spampipe.tokens import TokenTable


def predictions_of(
    split: str, classifier: Classifier, precision: Precision, settings: EvaluateParams
) -> pd.DataFrame:
    """Score one split of the workspace; the table of its predictions, as `evaluation.tabulate` makes it."""
    probabilities = spam_probabilities(
        classifier, tokens.load(paths.split_tokens(split)), settings.batch_size, precision, split, reuse_trunk=True
    )
    return evaluation.tabulate(split, messages.read(paths.split_csv(split)), probabilities, settings.threshold)


@torch.no_grad()
def spam_probabilities(
    classifier: Classifier,
    table: TokenTable,
    batch_size: int,
    precision: Precision,
    name: str,
    *,
    reuse_trunk: bool = False,
) -> Probabilities:
    """Each message's probability of being spam, by softmax over the logits.

    Args:
        classifier: in evaluation mode.
        table: the messages.
        batch_size: messages a forward pass; messages of like length go together.
        precision: of the matrix products.
        name: for the progress line.
        reuse_trunk: take the frozen layers' output from the store, and leave it there for the next run.

    Returns:
        (messages,) float64, in the table's order.
    """
    if not len(table):
        return np.empty(0)
    make = functools.partial(prepare, precision=precision, name=name) if reuse_trunk else TokenExamples
    examples: Examples = make(classifier, table)
    probabilities = np.empty(len(table))
    order = torch.from_numpy(np.argsort(-table.lengths, kind="stable"))
    with Progress(f"scoring {name}", len(table), "messages") as progress, rounded_weights(classifier, precision):
        for batch in order.split(batch_size):
            with autocast(examples.labels.device, precision):
                logits = classifier(*examples.inputs(batch))
            probabilities[batch.numpy()] = logits.softmax(dim=-1)[:, SPAM].double().cpu().numpy()
            progress.advance(len(batch))
    return probabilities
