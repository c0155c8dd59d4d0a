"""Cut a published GGUF file down to what the pipeline reads again and again."""

from pathlib import Path


def strip(path: Path, target: Path) -> None:
    """Copy a file's tensors, byte for byte, without the tokenizer beside them, which takes seconds to parse.

    Args:
        path: the published file of a Llama model, verified.
        target: the file to write; the same bytes each time.
    """
    from gguf import GGUFReader, GGUFWriter

    writer = GGUFWriter(target, "llama")
    for stored in GGUFReader(path).tensors:
        writer.add_tensor(stored.name, stored.data, raw_dtype=stored.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
