"""How much is computed to train a classifier network."""

from spampipe.models.classifier import Classifier

_FIRST_IN_A_BLOCK = ("attention.query", "attention.key", "attention.value")
_ALWAYS_FOR_ALL_TOKENS = ("attention.key", "attention.value")


def training_flops(classifier: Classifier, examples: int, tokens: int) -> int:
    """Floating-point operations of the matrix products in the blocks after the trunk, and in the head.

    A product is computed forward; backward it is computed once for the gradient of what it reads, and once for that
    of the matrix, if that is trained. Where the layers that the first block begins with read what nothing trained has
    made, as with adapters, they need no gradient of it. Attention's own products, norms and activations are not
    counted, so that a rate from this is a lower bound.

    Args:
        classifier: frozen as it is trained.
        examples: texts that are trained on, each counted as often as it is used.
        tokens: that they have together.
    """
    operations = 3 * examples * classifier.head.weight.numel()
    decoder, depth = classifier.decoder, classifier.trunk_depth
    embeddings = [tensor for module in decoder.embeddings() for tensor in module.parameters()]
    embedding_is_frozen = depth > 0 or not any(tensor.requires_grad for tensor in embeddings)
    last, width = decoder.config.num_layers - 1, decoder.config.hidden_size
    for number, block in enumerate(decoder.blocks[depth:], depth):
        norm_is_trained = decoder.norms_first and all(tensor.requires_grad for tensor in block.parameters())
        begins_frozen = number == depth and embedding_is_frozen and not norm_is_trained
        for name, tensor in block.named_parameters():
            layer = name.rpartition(".")[0]
            if tensor.dim() != 2:
                continue
            reads_block_input = layer in _FIRST_IN_A_BLOCK and tensor.shape[1] == width
            needs_no_gradient = begins_frozen and reads_block_input
            passes = 2 + tensor.requires_grad - needs_no_gradient
            for_all = classifier.position == "mean" or number < last or layer in _ALWAYS_FOR_ALL_TOKENS
            operations += passes * (tokens if for_all else examples) * tensor.numel()
    return 2 * operations
