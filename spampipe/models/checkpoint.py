"""A classifier on disk: its trained tensors, and the card that says what they are."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from spampipe.core import files, paths
from spampipe.core.errors import CheckpointError, WeightsError
from spampipe.data import messages
from spampipe.models.card import ClassifierCard, SavedCard, save_card
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.classifier import Classifier, initialize_head
from spampipe.models.compute import random_stream
from spampipe.models.decoder import random_state
from spampipe.models.precision import Precision
from spampipe.models.settings import ModelParams
from spampipe.models.weights import fill, load_into, place


def describe(model: ModelParams, max_length: int, precision: Precision, folder: Path = paths.BASE) -> ClassifierCard:
    """The card of a classifier that is to be trained from the base model in `folder`.

    Raises:
        CheckpointError: a file of the base model is missing.
    """
    base = BASE_MODELS[model.name]
    return ClassifierCard(
        base=model.name,
        base_sha256=_digest(_weights_path(model.name, folder)) if model.weights == "pretrained" else None,
        architecture=base.config,
        tokenizer=base.family.tokenizer,
        tokenizer_sha256=_digest(base.family.tokenizer_path(folder)),
        labels=messages.LABELS,
        max_length=max_length,
        position=model.position,
        causal=model.causal,
        trainable=model.trainable,
        precision=precision,
    )


def create(
    card: ClassifierCard, seed: int, dropout: float, device: torch.device, folder: Path = paths.BASE
) -> Classifier:
    """A classifier ready to be trained: the base's decoder, or a random one, with a new head."""
    classifier = _assemble(card, dropout, device)
    if card.base_sha256 is None:
        state = random_state(card.architecture, random_stream(seed, "decoder weights"))
        fill(classifier.decoder, place(state, device), "random weights")
    else:
        _take_from_base(classifier, card, _weights_path(card.base, folder), device, trained=True)
    reinitialize_head(classifier, seed)
    return classifier


def reinitialize_head(classifier: Classifier, seed: int) -> None:
    """Draw the head that this seed gives, whatever the rest of the model is."""
    initialize_head(classifier, random_stream(seed, "head"))


def save(
    classifier: Classifier,
    card: ClassifierCard,
    weights: Path = paths.CLASSIFIER_WEIGHTS,
    card_path: Path = paths.CLASSIFIER_CARD,
) -> SavedCard:
    """Write the tensors that the base model's file does not hold, then the card with their hash.

    In this order, so that tensors that no card belongs to are refused.
    """
    kept = dict(classifier.named_parameters()) if card.base_sha256 is None else classifier.trained_parameters()
    with files.replacing(weights) as temporary:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in kept.items()}, temporary)
    saved = SavedCard.model_validate(dict(card) | {"weights_sha256": files.digest(weights)})
    save_card(saved, card_path)
    return saved


def load(
    card: SavedCard,
    device: torch.device,
    weights: Path = paths.CLASSIFIER_WEIGHTS,
    folder: Path = paths.BASE,
) -> Classifier:
    """Rebuild a trained classifier, in evaluation mode.

    Raises:
        CheckpointError: a file is missing or damaged, or the base is not the one that the card names.
        WeightsError: the saved tensors do not fit the card.
    """
    try:
        if files.digest(weights) != card.weights_sha256:
            raise CheckpointError(f"{weights}: damaged, or not the tensors of its card; run `dvc checkout`")
        saved = load_file(weights)
    except FileNotFoundError:
        raise CheckpointError(f"{weights}: no such file; run `dvc repro` or `dvc pull`") from None
    except SafetensorError as error:
        raise CheckpointError(f"{weights}: damaged ({error}); run `dvc checkout`") from error
    classifier = _assemble(card, 0.0, device)
    frozen: dict[str, torch.Tensor] = {}
    if card.base_sha256 is not None:
        path = _weights_path(card.base, folder)
        if _digest(path) != card.base_sha256:
            raise CheckpointError(f"{path}: not the base this classifier was trained from; run `dvc checkout`")
        _take_from_base(classifier, card, path, device, trained=False)
        trained = classifier.trained_parameters()
        frozen = {name: tensor for name, tensor in classifier.state_dict().items() if name not in trained}
    for name in saved:
        if name in frozen:
            raise WeightsError(f"{weights}: tensor {name} is the base's, not a trained one; run `dvc checkout`")
    fill(classifier, frozen | place(saved, device), weights)
    return classifier.eval()


def _assemble(card: ClassifierCard, dropout: float, device: torch.device) -> Classifier:
    """The classifier, frozen as the card says, its decoder yet without tensors."""
    classifier = Classifier(
        BASE_MODELS[card.base].family.build(card.architecture, dropout), len(card.labels), card.position, card.causal
    )
    classifier.head.to(device)
    classifier.freeze(card.trainable)
    return classifier


def _take_from_base(
    classifier: Classifier, card: ClassifierCard, path: Path, device: torch.device, *, trained: bool
) -> None:
    """Read the base's tensors: the tail's now, without the trained ones unless asked; the trunk's once it runs."""
    decoder, trunk = classifier.decoder, classifier.trunk_names()
    tail = {name for name, _ in decoder.named_parameters()} - trunk
    elsewhere = set() if trained else {name.removeprefix("decoder.") for name in classifier.trained_parameters()}
    family = BASE_MODELS[card.base].family
    load_into(decoder, family, path, trunk | elsewhere, device)
    if trunk:
        classifier.defer_trunk(str(card.base_sha256), lambda: load_into(decoder, family, path, tail, device))


def _weights_path(base: str, folder: Path) -> Path:
    return BASE_MODELS[base].family.weights_path(folder)


def _digest(path: Path) -> str:
    try:
        return files.digest(path)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; run `dvc repro download` or `dvc pull`") from None
