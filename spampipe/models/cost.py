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
    operations = examples * classifier.head.weight.numel()
    for number, block in enumerate(classifier.decoder.blocks[classifier.trunk_depth :], classifier.trunk_depth):
        sizes = {name: tensor.numel() for name, tensor in block.named_parameters() if tensor.dim() == 2}
        for_all = total = sum(sizes.values())
        if classifier.position != "mean" and number == classifier.decoder.config.num_layers - 1:
            for_all = sizes["attention.key.weight"] + sizes["attention.value.weight"]
        operations += tokens * for_all + examples * (total - for_all)
    return 3 * 2 * operations
