"""The base models' byte-pair encodings, run by tiktoken from a rank file; nothing is fetched here."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import tiktoken

from spampipe.core import files
from spampipe.core.errors import DataError


@dataclass(frozen=True)
class TokenizerSpec:
    """What a rank file does not say.

    Attributes:
        name: of the encoding.
        pattern: splits a text into the pieces that merges stay within.
        special_tokens: texts with an id of their own; ordinary messages are never encoded to these.
        end_of_text: the id that ends a document, used as padding.
        vocabulary_size: how many ids there are, special ones included; they run from 0.
    """

    name: str
    pattern: str
    special_tokens: dict[str, int]
    end_of_text: int
    vocabulary_size: int


_CONTRACTIONS_AND_WORDS = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+"
_SYMBOLS = r" ?[^\s\p{L}\p{N}]+"

# The special tokens of SmolLM2 stand at ids 0 to 16, in this order.
_SMOLLM2_SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<reponame>", "<file_sep>", "<filename>"),
    *(
        "<gh_stars>",
        "<issue_start>",
        "<issue_comment>",
        "<issue_closed>",
        "<jupyter_start>",
        "<jupyter_text>",
    ),
    *("<jupyter_code>", "<jupyter_output>", "<jupyter_script>", "<empty_output>"),
)

TOKENIZERS: dict[str, TokenizerSpec] = {
    # GPT-2 keeps runs of digits together, ...
    "r50k_base": TokenizerSpec(
        "r50k_base",
        rf"{_CONTRACTIONS_AND_WORDS}| ?\p{{N}}+|{_SYMBOLS}|\s+(?!\S)|\s+",
        {"<|endoftext|>": 50256},
        50256,
        50257,
    ),
    # ... SmolLM2 takes each digit alone, before all else: white space ahead of a digit is one piece, as at the end.
    "smollm2": TokenizerSpec(
        "smollm2",
        rf"{_CONTRACTIONS_AND_WORDS}|\p{{N}}|{_SYMBOLS}|\s+(?![^\s\p{{N}}])|\s+",
        {token: number for number, token in enumerate(_SMOLLM2_SPECIAL)},
        0,
        49152,
    ),
}


def load(path: Path, name: str) -> tiktoken.Encoding:
    """Build an encoding from its rank file, lines of `base64(token bytes) id`.

    Args:
        path: the rank file.
        name: a key of TOKENIZERS.

    Raises:
        DataError: the file is missing or is not a rank file.
    """
    spec = TOKENIZERS[name]
    try:
        lines = path.read_bytes().splitlines()
        ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}
        if sorted([*ranks.values(), *spec.special_tokens.values()]) != list(range(spec.vocabulary_size)):
            raise ValueError(f"its ids are not those of {name}")
        return tiktoken.Encoding(
            spec.name, pat_str=spec.pattern, mergeable_ranks=ranks, special_tokens=spec.special_tokens
        )
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro download` or `dvc pull`") from None
    except (ValueError, binascii.Error) as error:
        raise DataError(f"{path}: not a rank file ({error}); run `dvc repro --force download`") from error


def write_ranks(path: Path, ranks: Iterable[tuple[bytes, int]]) -> None:
    """Write a rank file as tiktoken publishes them."""
    files.write_bytes(path, b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks))


def smollm2_ranks(spelt: Sequence[str]) -> list[tuple[bytes, int]]:
    """The ordinary tokens of SmolLM2, whose ids follow the order of their merges.

    Args:
        spelt: every token in the order of its id, in GPT-2's printable alphabet for bytes.

    Returns:
        Pairs of a token's bytes and its id.
    """
    special = set(TOKENIZERS["smollm2"].special_tokens.values())
    byte_of = {character: byte for byte, character in _printable_alphabet().items()}
    return [
        (bytes(byte_of[character] for character in token), number)
        for number, token in enumerate(spelt)
        if number not in special
    ]


def _printable_alphabet() -> dict[int, str]:
    """GPT-2's spelling of bytes: printable Latin-1 for itself, the others moved to 256 and up, in order."""
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}
