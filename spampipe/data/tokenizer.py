"""Texts to token ids and back. Byte-pair encodings are run by tiktoken from a rank file; nothing is fetched here."""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from spampipe.core import files
from spampipe.core.errors import DataError

# What the splitting patterns of GPT-2 and of its successors have in common.
CONTRACTIONS_AND_WORDS = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+"
SYMBOLS = r" ?[^\s\p{L}\p{N}]+"


class Tokenizer(Protocol):
    """Turns texts into token ids and back."""

    @property
    def name(self) -> str:
        """The name of the encoding, which classifiers' cards hold."""

    @property
    def padding(self) -> int:
        """The id that fills short rows up."""

    @property
    def prefix_length(self) -> int:
        """How many special tokens every row of ids begins with."""

    @property
    def suffix_length(self) -> int:
        """How many special tokens every row of ids ends with."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text, between its special tokens; what a special token looks like is ordinary text.

        Args:
            texts: any number of texts, which may be empty.
        """

    def decode(self, ids: Sequence[int]) -> str:
        """The text that these token ids stand for.

        Args:
            ids: token ids, in the order of the text.
        """


@dataclass(frozen=True)
class BytePairEncoding:
    """What a rank file does not say.

    Attributes:
        name: what the encoding is called, in cards and errors.
        pattern: splits a text into the pieces that merges stay within.
        special_tokens: texts with an id of their own; ordinary texts are never encoded to these.
        end_of_text: the id that ends a document, used as padding.
        vocabulary_size: how many ids there are, special ones included; they run from 0.
    """

    name: str
    pattern: str
    special_tokens: dict[str, int]
    end_of_text: int
    vocabulary_size: int


class BytePairTokenizer:
    """A byte-pair encoding with its ranks.

    Attributes:
        name: what the encoding is called, in cards and errors.
        padding: the id that ends a document.
        prefix_length: as in Tokenizer.
        suffix_length: as in Tokenizer.
    """

    prefix_length = suffix_length = 0

    def __init__(self, encoding: BytePairEncoding, ranks: Mapping[bytes, int]) -> None:
        import tiktoken

        self.name, self.padding = encoding.name, encoding.end_of_text
        self._encoding = tiktoken.Encoding(
            encoding.name,
            pat_str=encoding.pattern,
            mergeable_ranks=dict(ranks),
            special_tokens=encoding.special_tokens,
        )

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """As in Tokenizer. `<|endoftext|>` in a text is ordinary text: anyone can send it."""
        ids: list[list[int]] = self._encoding.encode_ordinary_batch(list(texts))
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """As in Tokenizer; bytes that are no UTF-8 are replaced."""
        text: str = self._encoding.decode(list(ids))
        return text


def load(path: Path, encoding: BytePairEncoding) -> BytePairTokenizer:
    """Build a tokenizer from its rank file, lines of `base64(token bytes) id`.

    Args:
        path: the rank file.
        encoding: which one it must be of.

    Raises:
        DataError: the file is missing or is not a rank file.
    """
    try:
        lines = path.read_bytes().splitlines()
        ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}
        if sorted([*ranks.values(), *encoding.special_tokens.values()]) != list(range(encoding.vocabulary_size)):
            raise ValueError(f"its ids are not those of {encoding.name}")
        return BytePairTokenizer(encoding, ranks)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro download` or `dvc pull`") from None
    except (ValueError, binascii.Error) as error:
        raise DataError(f"{path}: not a rank file ({error}); run `dvc repro --force download`") from error


def write_ranks(path: Path, ranks: Iterable[tuple[bytes, int]]) -> None:
    """Write a rank file as tiktoken publishes them.

    Args:
        path: the file, which is replaced in one step.
        ranks: pairs of a token's bytes and its id, in the order of the file's lines.
    """
    files.write_bytes(path, b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks))


def ordinary_ranks(spelt: Sequence[str], encoding: BytePairEncoding) -> list[tuple[bytes, int]]:
    """The ordinary tokens of an encoding whose ids follow the order of its merges.

    Args:
        spelt: every token in the order of its id, in GPT-2's printable alphabet for bytes.
        encoding: says which of them are special.

    Returns:
        Pairs of a token's bytes and its id.
    """
    special = set(encoding.special_tokens.values())
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
