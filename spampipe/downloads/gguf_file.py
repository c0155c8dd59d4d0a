"""Take a published GGUF file apart: its tensors and its tokens, which lie in one file and are needed apart."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gguf import GGUFReader


def read(path: Path) -> "GGUFReader":
    """Open a published file and parse what stands before its tensors; the tokens there take seconds."""
    from gguf import GGUFReader

    return GGUFReader(path)


def tokens(published: "GGUFReader") -> list[str]:
    """The tokens in the order of their ids, as the file spells them."""
    field = published.fields["tokenizer.ggml.tokens"]
    # A string array holds, per token, the position of its UTF-8 bytes among the field's parts.
    return [bytes(field.parts[index]).decode("utf-8") for index in field.data]


def write_tensors(published: "GGUFReader", target: Path) -> None:
    """Write a GGUF file with the tensors alone, byte for byte as published, so that it opens at once.

    Args:
        published: of a Llama model.
        target: the file to write; the same bytes each time.
    """
    from gguf import GGUFWriter

    writer = GGUFWriter(target, "llama")
    for stored in published.tensors:
        writer.add_tensor(stored.name, stored.data, raw_dtype=stored.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
