"""Take a published GGUF file apart: its tensors and its tokens, which lie in one file and are needed apart."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gguf import GGUFReader


def read(path: Path) -> "GGUFReader":
    """Open a published file and parse what stands before its tensors; the tokens there take seconds.

    Args:
        path: a GGUF file.
    """
    from gguf import GGUFReader

    return GGUFReader(path)


def tokens(published: "GGUFReader") -> list[str]:
    """The tokens of its tokenizer.

    Args:
        published: a file that `read` has opened.

    Returns:
        The tokens in the order of their ids, as the file spells them.
    """
    return list(published.fields["tokenizer.ggml.tokens"].contents())


def write_tensors(published: "GGUFReader", target: Path) -> None:
    """Write a GGUF file with the tensors alone, byte for byte as published, so that it opens at once.

    Args:
        published: a file of a Llama model that `read` has opened.
        target: the path to write; the same bytes each time.
    """
    from gguf import GGUFWriter

    writer = GGUFWriter(target, "llama")
    for stored in published.tensors:
        writer.add_tensor(stored.name, stored.data, raw_dtype=stored.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
