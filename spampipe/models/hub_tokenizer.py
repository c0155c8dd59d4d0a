"""The tokenizer of a repository of the hub, as its tokenizer.json and tokenizer_config.json describe it together."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spampipe.core.errors import CheckpointError, one_line
from spampipe.models.hub_config import HubConfig

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_SIDES = ("bos", "eos")  # the special tokens before and behind a text
_LONGEST_REASON = 200  # characters
_PROBE = "a"  # a text


def arranged(path: Path, settings: Path | None, config: HubConfig, vocabulary_size: int) -> bytes:
    """The content of a tokenizer.json that alone gives the ids that transformers gives for the repository.

    It is that of the published file, unless tokenizer_config.json asks for other special tokens around a text.

    Args:
        path: the published tokenizer.json.
        settings: the published tokenizer_config.json; None if there is none.
        config: the repository's config.json.
        vocabulary_size: how many ids the model has.

    Raises:
        CheckpointError: the `tokenizers` library cannot run it, or it gives ids that the model has not.
    """
    from tokenizers import Tokenizer, processors

    content = path.read_bytes()
    try:
        tokenizer = Tokenizer.from_str(content.decode())
        asked = {} if settings is None else json.loads(settings.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises nothing more special
        reason = one_line(error, _LONGEST_REASON)
        raise CheckpointError(
            f"{config.source}: the tokenizer cannot be read ({reason}); choose another revision"
        ) from error
    largest = max(_ordinary_ids(tokenizer), default=0)
    if largest >= vocabulary_size:
        raise CheckpointError(
            f"{config.source}: tokenizer.json gives ids up to {largest}, but vocab_size is {vocabulary_size}; "
            "choose another revision"
        )
    if not any(f"add_{side}_token" in asked for side in _SIDES):
        return content
    before, behind = (_asked_token(asked, side, config, tokenizer) for side in _SIDES)
    ids = [[] if token is None else [tokenizer.token_to_id(token)] for token in (before, behind)]
    plain = tokenizer.encode(_PROBE, add_special_tokens=False).ids
    if tokenizer.encode(_PROBE).ids == [*ids[0], *plain, *ids[1]]:
        return content
    named = [token for token in (before, behind) if token is not None]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[*([before] if before else []), "$A", *([behind] if behind else [])],
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in dict.fromkeys(named)],
    )
    rearranged: str = tokenizer.to_str()
    return rearranged.encode()


def _ordinary_ids(tokenizer: "Tokenizer") -> list[int]:
    """The ids that an ordinary text can be given."""
    added = [number for number, token in tokenizer.get_added_tokens_decoder().items() if not token.special]
    return [*tokenizer.get_vocab(with_added_tokens=False).values(), *added]


def _asked_token(asked: Mapping[str, Any], side: str, config: HubConfig, tokenizer: "Tokenizer") -> str | None:
    """The special token that tokenizer_config.json wants before (`bos`) or behind (`eos`) each text, if any."""
    if not asked.get(f"add_{side}_token"):
        return None
    named = asked.get(f"{side}_token", _id_to_token(tokenizer, config.token_id(f"{side}_token_id")))
    token = named.get("content") if isinstance(named, dict) else named
    if token is not None and tokenizer.token_to_id(token) is None:
        raise CheckpointError(f"{config.source}: tokenizer.json has no {side}_token {token}; choose another revision")
    return token


def _id_to_token(tokenizer: "Tokenizer", number: int | None) -> str | None:
    return None if number is None else tokenizer.id_to_token(number)
