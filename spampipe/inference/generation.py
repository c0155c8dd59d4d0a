"""Continue a text with a base model: the quickest check that its weights were loaded right."""

import torch

from spampipe.core.errors import ParamsError
from spampipe.models import bases
from spampipe.models.architectures import BaseChoice
from spampipe.models.decoder import Decoder
from spampipe.models.weights import load_decoder


@torch.no_grad()
def greedy_continuation(decoder: Decoder, token_ids: list[int], new_tokens: int) -> list[int]:
    """Append the most probable next token, `new_tokens` times.

    Args:
        decoder: a base model in evaluation mode.
        token_ids: the beginning, at least one token.
        new_tokens: how many tokens to add; each follows from as many of the last tokens as fit the context.

    Returns:
        The beginning and its continuation.
    """
    ids = list(token_ids)
    device = decoder.token_embedding.weight.device
    for _ in range(new_tokens):
        window = torch.tensor([ids[-decoder.config.context_length :]], device=device)
        ids.append(int(decoder.logits(decoder(window)[0, -1]).argmax()))
    return ids


def continue_text(name: str, text: str, new_tokens: int) -> str:
    """Continue `text` with the pretrained base model `name`, fetched into the cache if need be.

    Args:
        name: the base model's name in BASE_MODELS.
        text: the beginning, not empty.
        new_tokens: how many tokens to add, at least 1.

    Raises:
        ParamsError: the model has no pretrained weights or is no decoder, or the text or number is unusable.
        FetchError: its files could not be had.
    """
    if not text:
        raise ParamsError("the text is empty; give the beginning of a sentence")
    if new_tokens < 1:
        raise ParamsError(f"--tokens: {new_tokens} tokens cannot be added; ask for 1 or more")
    choice = BaseChoice(name, "pretrained")
    folder = bases.cached_base(choice)
    base = bases.base_model(choice, folder)
    tokenizer = base.family.load_tokenizer(folder)
    decoder = load_decoder(base.family, base.family.weights_path(folder), base.config).eval()
    if not isinstance(decoder, Decoder):
        raise ParamsError(f"{name} reads both ways, so it continues no text; choose a decoder, such as smollm2-135m")
    (beginning,) = tokenizer.encode([text])
    return tokenizer.decode(greedy_continuation(decoder, beginning, new_tokens))
