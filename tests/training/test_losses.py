"""Classes weigh as in scikit-learn, and weighted losses are torch's."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from spampipe.data.labels import LabelSet
from spampipe.models.frozen_trunk import complete_model
from spampipe.training import losses
from spampipe.training.examples import TokenExamples
from spampipe.training.loop import fit
from spampipe.training.measures import over_all
from tests.support.label_sets import THREE
from tests.support.tiny_models import make_classifier, make_table
from tests.support.tiny_training import settings


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_balanced_weights_are_those_of_scikit_learn(drawn: list[int]) -> None:
    present, labels = np.unique(drawn, return_inverse=True)
    expected = compute_class_weight("balanced", classes=np.arange(len(present)), y=labels)
    found = losses.class_weights(torch.from_numpy(labels), len(present), "balanced")
    assert found is not None and found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    assert losses.class_weights(torch.from_numpy(labels), len(present), "none") is None


def test_a_class_without_texts_has_a_finite_weight() -> None:
    found = losses.class_weights(torch.tensor([0, 0, 2, 2]), 3, "balanced")
    assert found is not None and found.tolist() == pytest.approx([4 / 6, 4 / 3, 4 / 6])


@given(st.integers(1, 4), st.integers(0, 1000))
def test_the_mean_over_processes_of_their_shares_is_the_loss_of_the_batch(processes: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    labels = torch.randint(3, (12,), generator=generator)
    for weights in (None, torch.tensor([0.2, 1.0, 5.0], dtype=torch.float64)):
        whole = functional.cross_entropy(logits, labels, weights)
        shares = [
            losses.share_of_cross_entropy(
                logits[rank::processes], labels[rank::processes], weights, labels, processes
            )
            for rank in range(processes)
        ]
        torch.testing.assert_close(torch.stack(shares).mean(), whole)


@pytest.mark.parametrize("choice", ["none", "balanced"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_loss_over_a_whole_set_is_torchs_over_one_batch(choice, precision) -> None:
    """Of 70 texts, in three batches of unlike sums of weights."""
    classifier, table = make_classifier(num_labels=3), make_table(70, seed=5, labels=THREE)
    examples = TokenExamples(complete_model(classifier), table)
    weights = losses.class_weights(examples.labels, 3, choice)
    with torch.no_grad():
        logits = classifier(*examples.inputs(torch.arange(70)))
    expected = functional.cross_entropy(logits, examples.labels, weights).item()
    tolerance = 1e-6 if precision == "fp32" else 2e-2
    assert over_all(classifier, examples, precision, weights).loss == pytest.approx(expected, abs=tolerance)


def test_rare_classes_are_found_more_often_with_balanced_weights() -> None:
    """Texts say nothing of their class, so that a classifier learns how often each stands there."""
    labels = LabelSet(names=("often", "rarely"), positive=None)
    table = make_table(64, seed=8, labels=labels)
    table.labels[:] = [index % 8 == 0 for index in range(64)]
    means = {}
    for choice in ("none", "balanced"):
        classifier = make_classifier(trainable="last_layer")
        examples = TokenExamples(complete_model(classifier), table)
        fit(classifier, examples, examples, settings(epochs=20, batch_size=16, class_weights=choice))
        with torch.no_grad():
            logits = classifier(*examples.inputs(torch.arange(64)))
        means[choice] = logits.softmax(dim=-1)[:, 1].mean().item()
    assert means["none"] < 0.3 < 0.35 < means["balanced"]
