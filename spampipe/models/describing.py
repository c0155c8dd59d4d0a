"""The card of a classifier that is to be trained, from what is set and what is known of its base model."""

from pathlib import Path

from spampipe.core import files
from spampipe.core.errors import CheckpointError, ParamsError
from spampipe.data.labels import LabelSet
from spampipe.data.truncation import Truncate
from spampipe.models import bases
from spampipe.models.card import ClassifierCard
from spampipe.models.choices import ModelChoices, Precision, misfit, reading
from spampipe.models.features import Feature, default_features, excess_of


def describe(
    model: ModelChoices,
    labels: LabelSet,
    max_length: int,
    precision: Precision,
    base: Path,
    truncate: Truncate = "tail",
) -> ClassifierCard:
    """The card of a classifier that is to be trained.

    Args:
        model: the base model, what of it is trained, and where its answer is read.
        labels: the classes.
        max_length: tokens that a text is cut to.
        precision: what matrix products are computed in while training, `fp32` or `bf16`.
        base: the folder of the base model.
        truncate: which part of a longer text is cut off.

    Raises:
        CheckpointError: a file of the base model is missing.
        ParamsError: the base model cannot read texts as is set, or has not the blocks that a probe is to read.
    """
    choice = model.require_base()
    known = bases.base_model(choice, base)
    try:
        reads = reading(model, known)
    except ValueError as error:
        raise ParamsError(str(error)) from error
    if wrong := misfit(model, known.config.num_layers):
        raise ParamsError(f"model.{wrong}")
    return ClassifierCard(
        base=choice.name,
        base_sha256=digest_of(known.family.weights_path(base)) if choice.weights == "pretrained" else None,
        architecture=known.config,
        depth=model.depth,
        tokenizer=known.family.tokenizer,
        tokenizer_sha256=digest_of(known.family.tokenizer_path(base)),
        labels=labels,
        max_length=max_length,
        position=reads.position,
        causal=reads.causal,
        trainable=model.trainable,
        trained_blocks=model.trained_blocks,
        adapters=model.adapters,
        precision=precision,
        truncate=truncate,
        revision=choice.revision,
        features=_features(model, model.depth or known.config.num_layers),
    )


def digest_of(path: Path) -> str:
    """The sha256 of a base model's file, in hexadecimal.

    Args:
        path: the file.

    Raises:
        CheckpointError: it is missing.
    """
    try:
        return files.digest(path)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; run `dvc repro download` or `dvc pull`") from None


def _features(model: ModelChoices, num_layers: int) -> tuple[Feature, ...]:
    """What a probe reads; nothing for a network of another kind."""
    if model.trainable != "probe":
        return ()
    features = tuple(model.features or default_features(num_layers))
    if problem := excess_of(features, num_layers):
        raise ParamsError(f"model.features: {problem}")
    return features
