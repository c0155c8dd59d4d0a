"""Small models of all families, and tables of random messages. Quick to import, for programs of their own."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from spampipe.data import tokens
from spampipe.data.labels import LabelSet
from spampipe.data.tokens import TokenTable
from spampipe.models import lora
from spampipe.models.architectures import DecoderConfig, EncoderConfig, ModelConfig
from spampipe.models.backbone import Backbone
from spampipe.models.choices import Adapters, Position, Trainable
from spampipe.models.classifier import Classifier, initialize_head
from spampipe.models.decoder import Decoder
from spampipe.models.encoder import Encoder
from spampipe.models.freezing import freeze
from tests.support.label_sets import TWO

GPT2 = DecoderConfig(
    vocabulary_size=50,
    context_length=24,
    hidden_size=32,
    num_layers=3,
    num_heads=4,
    num_kv_heads=4,
    intermediate_size=128,
    positions="learned",
    normalization="layer_norm",
    activation="gelu",
    biases=True,
    norm_epsilon=1e-5,
    rotary_base=10_000.0,
)
LLAMA = DecoderConfig(
    vocabulary_size=50,
    context_length=24,
    hidden_size=32,
    num_layers=3,
    num_heads=4,
    num_kv_heads=2,
    intermediate_size=64,
    positions="rotary",
    normalization="rms_norm",
    activation="swiglu",
    biases=False,
    norm_epsilon=1e-5,
    rotary_base=10_000.0,
)
BERT = EncoderConfig(
    vocabulary_size=50,
    context_length=24,
    hidden_size=32,
    num_layers=3,
    num_heads=4,
    intermediate_size=64,
    token_types=2,
    norm_epsilon=1e-5,
)
FAMILIES = {"gpt2": GPT2, "llama": LLAMA}  # of decoders
NETWORKS: dict[str, ModelConfig] = FAMILIES | {"bert": BERT}
PADDING = 0

torch.set_num_threads(1)  # with tensors this small, more threads spend their time waiting for each other


def randomize(module: nn.Module, seed: int) -> None:
    """Give every tensor values that matter, norms and biases too, whose usual first values hide mistakes."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.named_parameters():
            tensor.normal_(std=0.25, generator=generator)
            if tensor.dim() == 1 and not name.endswith(("bias", "shift")):
                tensor.add_(1.0)


def make_decoder(config: DecoderConfig, seed: int = 0, dropout: float = 0.0) -> Decoder:
    decoder = Decoder(config, dropout)
    randomize(decoder, seed)
    return decoder.eval()


def make_backbone(config: ModelConfig, seed: int = 0, dropout: float = 0.0) -> Backbone:
    """A decoder or an encoder, whichever the shape is of."""
    if isinstance(config, DecoderConfig):
        return make_decoder(config, seed, dropout)
    encoder = Encoder(config, dropout)
    randomize(encoder, seed)
    return encoder.eval()


def make_classifier(
    config: ModelConfig = GPT2,
    position: Position = "last_real",
    trainable: Trainable = "last_block",
    causal: bool = True,
    dropout: float = 0.0,
    seed: int = 0,
    num_labels: int = 2,
    last: int | None = None,
) -> Classifier:
    """A classifier with random tensors, adapters among them if they are what is trained; `last` as in freeze."""
    classifier = Classifier(make_backbone(config, seed, dropout), num_labels, position, causal)
    freeze(classifier, trainable, last)
    if trainable == "lora":
        lora.attach(classifier, Adapters(last, {"rank": 3, "alpha": 4.5}))
        for number, layer in enumerate(lora.adapted_layers(classifier)):
            for tensor in (layer.adapter_a, layer.adapter_b):
                nn.init.normal_(tensor, std=0.1, generator=torch.Generator().manual_seed(seed + number))
    initialize_head(classifier, torch.Generator().manual_seed(seed))
    return classifier.eval()


def make_table(
    messages: int, config: ModelConfig = GPT2, max_length: int = 12, seed: int = 0, labels: LabelSet = TWO
) -> TokenTable:
    """Messages of random length, one of them full and one of a single token, with random labels."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, max_length + 1, messages)
    lengths[:2] = [max_length, 1]
    rows = [random.integers(1, config.vocabulary_size, length).tolist() for length in lengths]
    return tokens.pad(rows, random.integers(0, len(labels), messages).tolist(), max_length, PADDING, labels)


def random_ids(config: ModelConfig, batch: int, length: int, seed: int = 0) -> Tensor:
    return torch.randint(config.vocabulary_size, (batch, length), generator=torch.Generator().manual_seed(seed))


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
