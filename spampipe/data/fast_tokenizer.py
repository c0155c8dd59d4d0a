"""Texts to token ids by a `tokenizer.json`, which the `tokenizers` library runs; nothing is fetched here."""

from collections.abc import Sequence
from pathlib import Path

from spampipe.core.errors import DataError, one_line


class FastTokenizer:
    """A tokenizer of the kind that model hubs publish: byte-pair encodings, WordPiece and others.

    Args:
        path: the tokenizer.json.
        name: what the encoding is called, in cards and errors.
        padding: the id that fills short rows up.
        special: whether the special tokens are added that the file's own rule has for one text, such as `[CLS]` at
            the begin and `[SEP]` at the end.

    Attributes:
        name: as above.
        padding: as above.
        prefix_length: as in `tokenizer.Tokenizer`.
        suffix_length: as in `tokenizer.Tokenizer`.

    Raises:
        DataError: the file is missing or damaged.
    """

    def __init__(self, path: Path, name: str, padding: int, *, special: bool) -> None:
        from tokenizers import Tokenizer

        self.name, self.padding, self._special = name, padding, special
        try:
            self._tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError(f"{path}: no such file; run `dvc repro download` or `dvc pull`") from None
        except Exception as error:  # the library raises nothing more special
            raise DataError(
                f"{path}: not a tokenizer ({one_line(error, 200)}); run `dvc repro --force download`"
            ) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True  # what looks like a special token in a text is ordinary text
        self.prefix_length, self.suffix_length = self._special_around() if special else (0, 0)

    def _special_around(self) -> tuple[int, int]:
        """How many special tokens the file's rule puts before and behind a text."""
        added = len(self._tokenizer.encode("").ids)
        mask = self._tokenizer.encode("a").special_tokens_mask  # 1 for each special token
        before = mask.index(0) if 0 in mask else added
        return before, added - before

    @property
    def largest_id(self) -> int:
        """The largest id that an ordinary text can be given; -1 if there is none."""
        added = self._tokenizer.get_added_tokens_decoder().items()
        found = {number for number, token in added if not token.special}
        return max(found.union(self._tokenizer.get_vocab(with_added_tokens=False).values()), default=-1)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """As in `tokenizer.Tokenizer`.

        Args:
            texts: any number of texts, which may be empty.
        """
        found = self._tokenizer.encode_batch(list(texts), add_special_tokens=self._special)
        return [encoding.ids for encoding in found]

    def decode(self, ids: Sequence[int]) -> str:
        """As in `tokenizer.Tokenizer`, without special tokens.

        Args:
            ids: token ids, in the order of the text.
        """
        text: str = self._tokenizer.decode(list(ids))
        return text
