"""The tensors of an ONNX file, by a reader of the few fields of its protocol buffer that hold them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

_VARINT, _BYTES = 0, 2  # kinds of fields; no others are in these messages
_FLOAT = 1  # TensorProto.DataType
# Field numbers of onnx.proto: ModelProto.graph; GraphProto; NodeProto; TensorProto.
_GRAPH, _NODE, _INITIALIZER = 7, 1, 5
_NODE_INPUT, _NODE_NAME, _NODE_OPERATION = 1, 3, 4
_DIMS, _DATA_TYPE, _TENSOR_NAME, _RAW_DATA = 1, 2, 8, 9


class Graph(NamedTuple):
    """A model's own tensors by name, and its products: each one's name, and that of its second factor."""

    tensors: dict[str, Tensor]
    products: dict[str, str]


def read(path: Path) -> Graph:
    """Read a model whose tensors are float32.

    Args:
        path: the ONNX file.
    """
    (graph,) = (value for number, value in _fields(memoryview(path.read_bytes())) if number == _GRAPH)
    tensors, products = {}, {}
    for number, value in _fields(graph):
        found = list(_fields(value)) if number in (_NODE, _INITIALIZER) else []
        if number == _NODE and (_NODE_OPERATION, b"MatMul") in found:
            inputs = [bytes(field).decode() for which, field in found if which == _NODE_INPUT]
            (name,) = (bytes(field).decode() for which, field in found if which == _NODE_NAME)
            products[name] = inputs[1]
        if number == _INITIALIZER and (_DATA_TYPE, _FLOAT) in found:
            (name,) = (bytes(field).decode() for which, field in found if which == _TENSOR_NAME)
            (data,) = (field for which, field in found if which == _RAW_DATA)
            shape = [field for which, field in found if which == _DIMS]
            tensors[name] = torch.from_numpy(np.frombuffer(data, "<f4").reshape(shape).copy())
    return Graph(tensors, products)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field, in the order of the file."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        value, place = _varint(message, place)
        if key & 7 == _VARINT:
            yield key >> 3, value
        elif key & 7 == _BYTES:
            yield key >> 3, message[place : place + value]
            place += value
        else:
            raise ValueError(f"field {key >> 3} is of another kind")


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A whole number, seven bits a byte, and the place behind it."""
    value = shift = 0
    while True:
        byte = message[place]
        value, place, shift = value | (byte & 127) << shift, place + 1, shift + 7
        if byte < 128:
            return value, place
