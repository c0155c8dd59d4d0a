"""Which part of a classifier network is trained, and which tensors that leaves to the trunk."""

from torch import nn

from spampipe.models.choices import ADAPTERS, Trainable
from spampipe.models.classifier import Classifier

_TRAINED_BLOCKS: dict[str, int | None] = {
    **{"probe": 0, "last_layer": 0, "last_block": 1, "last_two_blocks": 2},
    "all": None,
}


def freeze(classifier: Classifier, trainable: Trainable, last: int | None = None) -> None:
    """Leave only one part of a network to be trained, and all blocks before it to the trunk.

    Args:
        classifier: the network, yet without adapters.
        trainable: `last_layer` is the head, as is `probe`; the blocks' choices also train the final norm (the book,
            section 6.5). ADAPTERS train the head and what they attach afterwards, and no tensor of the base.
        last: for `last_blocks`, how many are trained; for ADAPTERS, how many have some. None for all of them.
    """
    blocks = last if trainable in ("last_blocks", *ADAPTERS) else _TRAINED_BLOCKS[trainable]
    classifier.trunk_depth = 0 if blocks is None else max(classifier.decoder.config.num_layers - blocks, 0)
    classifier.requires_grad_(trainable == "all")
    classifier.head.requires_grad_(True)
    if trainable not in ("last_layer", "probe", *ADAPTERS):
        classifier.decoder.final_norm.requires_grad_(True)
        classifier.decoder.blocks[classifier.trunk_depth :].requires_grad_(True)


def trained_parameters(classifier: Classifier) -> dict[str, nn.Parameter]:
    """The tensors that training changes, by name.

    Args:
        classifier: the network, as `freeze` has left it.
    """
    return {name: tensor for name, tensor in classifier.named_parameters() if tensor.requires_grad}


def trunk_parameters(classifier: Classifier) -> dict[str, nn.Parameter]:
    """The decoder's tensors that only the trunk uses, by their name within the decoder; none without a trunk.

    Args:
        classifier: the network, as `freeze` has left it.
    """
    decoder, depth = classifier.decoder, classifier.trunk_depth
    modules = [*decoder.embeddings(), *decoder.blocks[:depth]] if depth else []
    used = {id(tensor) for module in modules for tensor in module.parameters()}
    return {name: tensor for name, tensor in decoder.named_parameters() if id(tensor) in used}
