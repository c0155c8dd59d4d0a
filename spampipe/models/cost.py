"""How much is computed to train a classifier network."""

from spampipe.models.classifier import Classifier


def training_flops(classifier: Classifier, examples: int, tokens: int) -> int:
    """Floating-point operations of the trained blocks' matrix products, forward and twice that backward.

    Attention's own products, norms and activations are not counted, so that a rate from this is a lower bound.

    Args:
        classifier: frozen as it is trained.
        examples: texts that are trained on, each counted as often as it is used.
        tokens: that they have together.
    """
    decoder, depth = classifier.decoder, classifier.trunk_depth
    operations = 3 * examples * classifier.head.weight.numel()
    for number, block in enumerate(decoder.blocks[depth:], depth):
        sizes = {name: tensor.numel() for name, tensor in block.named_parameters() if tensor.dim() == 2}
        for_all = total = sum(sizes.values())
        query, kv = sizes["attention.query.weight"], sizes["attention.key.weight"] + sizes["attention.value.weight"]
        only_chosen = classifier.position != "mean" and number == decoder.config.num_layers - 1
        if only_chosen:
            for_all = kv
        operations += 3 * (tokens * for_all + examples * (total - for_all))
        if depth and number == depth and not decoder.norms_first:  # the trunk's output gets no gradient
            operations -= tokens * kv + (examples if only_chosen else tokens) * query
    return 2 * operations
