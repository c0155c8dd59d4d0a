"""A classifier network on disk: its trained tensors, and the card that says what they are."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from spampipe.core import files
from spampipe.core.errors import CheckpointError, ParamsError, WeightsError
from spampipe.models import adapters, bases
from spampipe.models.architectures import Family
from spampipe.models.backbone import random_state
from spampipe.models.card import ClassifierCard, SavedCard, save_card
from spampipe.models.classifier import Classifier, initialize_head
from spampipe.models.compute import random_stream
from spampipe.models.decoder import Decoder
from spampipe.models.describing import digest_of
from spampipe.models.freezing import freeze, trained_parameters, trunk_parameters
from spampipe.models.frozen_trunk import FrozenTrunk, Model
from spampipe.models.probe import Probe
from spampipe.models.sealed import checked_weights
from spampipe.models.weights import State, fill, load_into, place


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
        state = random_state(network.decoder, random_stream(seed, "decoder weights"))
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
    saved = read_tensors(weights, card.weights_sha256)
    network = _assemble(card, base, 0.0, device)
    trunk = FrozenTrunk(network)
    if card.base_sha256 is not None:
        _checked_weights(card, base)
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


def base_decoder(
    card: ClassifierCard, base: Path, device: torch.device, *, saved: State | None = None, seed: int | None = None
) -> Decoder:
    """The base model of a classifier that changes none of its tensors.

    Args:
        card: what it is.
        base: the folder of the base model.
        device: where its tensors are to lie.
        saved: its tensors, if they are random ones that were saved.
        seed: of those, if they are to be drawn.

    Raises:
        CheckpointError: the weights' file is missing, or is not the one that the card names.
        ParamsError: the base model is no decoder.
        WeightsError: the file is damaged, or the tensors do not fit the card.
    """
    family = _family(card, base)
    decoder = family.build(card.shape, 0.0)
    if not isinstance(decoder, Decoder):
        raise ParamsError(f"{card.base} does not predict what follows a text; choose a model that does")
    decoder.add_output_head()
    if card.base_sha256 is not None:
        load_into(decoder, family, _checked_weights(card, base), (), device)
        return decoder
    state = saved if seed is None else random_state(decoder, random_stream(seed, "decoder weights"))
    return fill(decoder, place(state or {}, device), "random weights")


def read_tensors(weights: Path, sha256: str) -> State:
    """The tensors of a file, once its hash is found right.

    Args:
        weights: the safetensors file.
        sha256: its hash, as the card has it.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    with checked_weights(weights, sha256):
        return load_file(weights)


def _checked_weights(card: ClassifierCard, base: Path) -> Path:
    """The file of the base's tensors, once it is found to be the card's."""
    path = _family(card, base).weights_path(base)
    if digest_of(path) != card.base_sha256:
        raise CheckpointError(f"{path}: not the base this classifier was trained from; run `dvc checkout`")
    return path


def _assemble(card: ClassifierCard, base: Path, dropout: float, device: torch.device) -> Classifier:
    """The network, frozen as the card says, its decoder yet without tensors."""
    decoder = _family(card, base).build(card.shape, dropout)
    if card.features:
        network: Classifier = Probe(decoder, len(card.labels), card.features, card.causal)
    else:
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
    stored = set(family.build(card.architecture, 0.0).state_dict())
    cut_off = stored - set(decoder.state_dict())
    load_into(decoder, family, path, trunk | elsewhere | cut_off, device)
    if not trunk:
        return FrozenTrunk(network)

    def load_trunk() -> None:
        others = (stored | set(decoder.state_dict())) - trunk  # adapters may have come to the tail
        load_into(decoder, family, path, others, device)

    return FrozenTrunk(network, str(card.base_sha256), load_trunk)


def _family(card: ClassifierCard, base: Path) -> Family:
    """The base's family, once the base is found to be of the shape that the card describes."""
    known = bases.base_model(card.choice, base)
    if known.config != card.architecture:
        raise CheckpointError(f"{base}: not the base model that the classifier's card describes; run `dvc checkout`")
    return known.family
