"""A classifier network on disk: its trained tensors, and the card that says what they are."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from spampipe.core import files
from spampipe.core.errors import CheckpointError, ParamsError, WeightsError
from spampipe.data.labels import LabelSet
from spampipe.models import adapters, bases
from spampipe.models.architectures import Family
from spampipe.models.card import ClassifierCard, SavedCard, save_card
from spampipe.models.choices import ModelChoices, Precision, misfit
from spampipe.models.classifier import Classifier, initialize_head
from spampipe.models.compute import random_stream
from spampipe.models.decoder import random_state
from spampipe.models.freezing import freeze, trained_parameters, trunk_parameters
from spampipe.models.frozen_trunk import FrozenTrunk, Model
from spampipe.models.weights import fill, load_into, place


def describe(
    model: ModelChoices, labels: LabelSet, max_length: int, precision: Precision, base: Path
) -> ClassifierCard:
    """The card of a classifier that is to be trained.

    Args:
        model: the base model, what of it is trained, and where its answer is read.
        labels: the classes.
        max_length: tokens that a text is cut to.
        precision: what matrix products are computed in while training, `fp32` or `bf16`.
        base: the folder of the base model.

    Raises:
        CheckpointError: a file of the base model is missing.
        ParamsError: the base model has fewer blocks than are wanted.
    """
    choice = model.require_base()
    known = bases.base_model(choice, base)
    if wrong := misfit(model, known.config.num_layers):
        raise ParamsError(f"model.{wrong}")
    return ClassifierCard(
        base=choice.name,
        base_sha256=_digest(known.family.weights_path(base)) if choice.weights == "pretrained" else None,
        architecture=known.config,
        depth=model.depth,
        tokenizer=known.family.tokenizer,
        tokenizer_sha256=_digest(known.family.tokenizer_path(base)),
        labels=labels,
        max_length=max_length,
        position=model.position,
        causal=model.causal,
        trainable=model.trainable,
        trained_blocks=model.trained_blocks,
        adapters=model.adapters,
        precision=precision,
    )


def create(card: ClassifierCard, seed: int, dropout: float, device: torch.device, base: Path) -> Model:
    """A classifier ready to be trained: the base's decoder, or a random one, with a new head.

    Args:
        card: what to make.
        seed: of the head's and the adapters' first values, and of the decoder's if they are random.
        dropout: the share of values that training sets to 0, as in Decoder.
        device: where its tensors are to lie.
        base: the folder of the base model.

    Returns:
        A network in training mode, all of whose tensors are there but for those of a pretrained trunk.

    Raises:
        WeightsError: the base's weight file is missing or damaged, or does not fit the card.
    """
    network = _assemble(card, base, dropout, device)
    trunk = FrozenTrunk(network)
    if card.base_sha256 is None:
        state = random_state(card.shape, random_stream(seed, "decoder weights"))
        fill(network.decoder, place(state, device), "random weights")
    else:
        trunk = _take_from_base(network, card, base, device, trained=True)
    if card.adapters is not None:
        kind = adapters.kind_of(card.trainable)
        kind.attach(network, card.adapters)
        kind.initialize(network, random_stream(seed, "adapters"))
    reinitialize_head(network, seed)
    return Model(network, trunk)


def reinitialize_head(network: Classifier, seed: int) -> None:
    """Draw the head that this seed gives, whatever the rest of the network is.

    Args:
        network: the network, whose head is changed in place.
        seed: any whole number; the same one gives the same head.
    """
    initialize_head(network, random_stream(seed, "head"))


def save(network: Classifier, card: ClassifierCard, weights: Path, card_path: Path) -> SavedCard:
    """Write the tensors that the base model's file does not hold, then the card with their hash.

    In this order, so that tensors that no card belongs to are refused.

    Args:
        network: what the card describes.
        card: its card.
        weights: the safetensors file to write.
        card_path: the JSON file to write.

    Returns:
        The card as it was written.

    Raises:
        CheckpointError: the network was loaded with adapters, which are merged and not known any more.
    """
    if card.adapters is not None and set(trained_parameters(network)) <= {"head.weight", "head.bias"}:
        raise CheckpointError(f"{weights}: a classifier whose adapters are merged is not saved again; copy its files")
    kept = _kept(network, card)
    with files.replacing(weights) as temporary:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in kept.items()}, temporary)
    saved = SavedCard.model_validate(dict(card) | {"weights_sha256": files.digest(weights)})
    save_card(saved, card_path)
    return saved


def load(card: SavedCard, device: torch.device, weights: Path, base: Path) -> Model:
    """Rebuild a trained classifier.

    Args:
        card: as `load_card` reads it.
        device: where its tensors are to lie.
        weights: the safetensors file that `save` wrote.
        base: the folder of the base model.

    Returns:
        A network in evaluation mode, all of whose tensors are there but for those of a pretrained trunk. Adapters
        are merged.

    Raises:
        CheckpointError: a file is missing or damaged, or the base is not the one that the card names.
        WeightsError: the saved tensors do not fit the card.
    """
    saved = _read(weights, card.weights_sha256)
    network = _assemble(card, base, 0.0, device)
    trunk = FrozenTrunk(network)
    if card.base_sha256 is not None:
        path = _family(card, base).weights_path(base)
        if _digest(path) != card.base_sha256:
            raise CheckpointError(f"{path}: not the base this classifier was trained from; run `dvc checkout`")
        trunk = _take_from_base(network, card, base, device, trained=False)
    if card.adapters is not None:
        adapters.kind_of(card.trainable).attach(network, card.adapters)
    kept = _kept(network, card)
    frozen = {name: tensor for name, tensor in network.state_dict().items() if name not in kept}
    for name in saved:
        if name in frozen:
            raise WeightsError(f"{weights}: tensor {name} is the base's, not a trained one; run `dvc checkout`")
    fill(network, frozen | place(saved, device), weights)
    if card.adapters is not None:
        adapters.kind_of(card.trainable).merge(network)
    network.eval()
    return Model(network, trunk)


def _kept(network: Classifier, card: ClassifierCard) -> dict[str, torch.nn.Parameter]:
    """The tensors that are saved, by name: all that no file of the base model holds."""
    return dict(network.named_parameters()) if card.base_sha256 is None else trained_parameters(network)


def _read(weights: Path, sha256: str) -> dict[str, torch.Tensor]:
    """The tensors of a file, once its hash is found right."""
    try:
        if files.digest(weights) != sha256:
            raise CheckpointError(f"{weights}: damaged, or not the tensors of its card; run `dvc checkout`")
        return load_file(weights)
    except FileNotFoundError:
        raise CheckpointError(f"{weights}: no such file; run `dvc repro` or `dvc pull`") from None
    except SafetensorError as error:
        raise CheckpointError(f"{weights}: damaged ({error}); run `dvc checkout`") from error


def _assemble(card: ClassifierCard, base: Path, dropout: float, device: torch.device) -> Classifier:
    """The network, frozen as the card says, its decoder yet without tensors."""
    decoder = _family(card, base).build(card.shape, dropout)
    network = Classifier(decoder, len(card.labels), card.position, card.causal)
    network.head.to(device)
    freeze(network, card.trainable, card.last)
    return network


def _take_from_base(
    network: Classifier, card: ClassifierCard, base: Path, device: torch.device, *, trained: bool
) -> FrozenTrunk:
    """Read the tail's tensors from the base, without the trained ones unless asked; the trunk's can be read later."""
    decoder, trunk = network.decoder, set(trunk_parameters(network))
    elsewhere = set() if trained else {name.removeprefix("decoder.") for name in trained_parameters(network)}
    family = _family(card, base)
    path = family.weights_path(base)
    cut_off = set(family.build(card.architecture, 0.0).state_dict()) - set(decoder.state_dict())
    load_into(decoder, family, path, trunk | elsewhere | cut_off, device)
    if not trunk:
        return FrozenTrunk(network)
    return FrozenTrunk(
        network, str(card.base_sha256), lambda: load_into(decoder, family, path, _AllBut(trunk), device)
    )


class _AllBut:
    """Every name but some.

    Args:
        names: those.
    """

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def __contains__(self, name: object) -> bool:
        return name not in self._names


def _family(card: ClassifierCard, base: Path) -> Family:
    return bases.base_model(card.choice, base).family


def _digest(path: Path) -> str:
    try:
        return files.digest(path)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; run `dvc repro download` or `dvc pull`") from None
