"""Where messages start from: a published data set, or the user's own file."""

from collections.abc import Sequence
from pathlib import Path

from spampipe.core import files
from spampipe.core.errors import DataError, ParamsError
from spampipe.core.workspace import Workspace
from spampipe.data import file_formats, labels, messages, own_labels, tables
from spampipe.data.catalogue import DATASETS
from spampipe.data.dataset import Dataset
from spampipe.data.labels import LabelSet
from spampipe.data.records import written
from spampipe.data.tables import Columns
from spampipe.downloads.fetch import Pin, fetch

_DEFAULT_COLUMNS = Columns()


def fetch_messages(
    dataset: str,
    destination: Path,
    folder: Path,
    *,
    columns: Columns = _DEFAULT_COLUMNS,
    quoting: bool = True,
    names: Sequence[str] | None = None,
    known: Sequence[Pin] = (),
) -> LabelSet:
    """Put a raw message file in place, once it has proved readable.

    Args:
        dataset: a key of DATASETS, or the path of the user's own file: a table of `tables.KINDS`, or
            `label<TAB>text` lines without a header in a file whose name ends otherwise, or in .tsv. The name may end
            in `.gz` besides.
        destination: the path to put the file at, replaced in one step. Its bytes are those of the published data set
            or of the user's own lines; of a table, or without quoting, the messages in the form that
            `messages.parse` reads by default, so that no other stage has to know.
        folder: where a relative path of the user's own file starts.
        columns: of a table; with any named, a .tsv file is one.
        quoting: whether a double quote at the begin of a text of the user's own file has a meaning; see
            `messages.parse`.
        names: the labels in class order; None for the published data set's, or those found in the user's own file,
            sorted.
        known: every pin there is, to tell a misspelt name in the user's sources file.

    Returns:
        The label set of the messages.

    Raises:
        FetchError: the published data set could not be had.
        DataError: there is no such file, or it is damaged.
        ParamsError: a published data set shall be read without quoting, or with other labels than it has; or columns
            are named of a file that has none.
    """
    if dataset in DATASETS:
        _refuse_own_settings(DATASETS[dataset], columns, quoting, names)
        return _fetch_published(DATASETS[dataset], destination, known)
    path = folder / dataset
    data = tables.unpacked(_read_own(path, dataset), path)
    named = labels.in_order(names) if names else None
    kind = tables.kind_of(path)
    if kind in tables.KINDS and (columns.are_named or kind != ".tsv"):
        return _write_table(data, path, destination, columns, named, quoting=quoting)
    if columns.are_named:
        raise ParamsError(
            f"{Workspace().params}: download.text_column and label_column are for files whose names end in "
            f"{', '.join(tables.KINDS)}; set both to null, or rename {path}"
        )
    return _write_lines(data, path, destination, named, quoting=quoting)


def _write_table(
    data: bytes, path: Path, destination: Path, columns: Columns, named: LabelSet | None, *, quoting: bool
) -> LabelSet:
    """The messages of a user's own table as lines."""
    try:
        table = tables.read(data, path, columns, quoting=quoting)
    except DataError as error:
        if description := file_formats.of_signature(data, tables.kind_of(path)):
            raise DataError(f"{path}: {description}") from error
        raise
    found = [label for label, _ in table.messages]
    label_set = named or own_labels.among(found, path, table.error)
    for number, fields in enumerate(table.messages):
        if problem := messages.problem_of(list(fields), label_set.names, own=True):
            raise table.error(number, problem)
    lines = "".join(map(written, map(list, table.messages))).encode()
    messages.parse(lines, path, label_set)
    files.write_bytes(destination, lines)
    return label_set


def _write_lines(data: bytes, path: Path, destination: Path, named: LabelSet | None, *, quoting: bool) -> LabelSet:
    """A user's own lines as they are; without quoting, as they are read with it."""
    try:
        label_set = named or own_labels.find(data, path, quoting=quoting)
        table = messages.parse(data, path, label_set, quoting=quoting, own=True)
    except DataError as error:
        if description := file_formats.describe(data, named):
            raise DataError(f"{path}: {description}") from error
        raise
    files.write_bytes(destination, data if quoting else messages.unparse(table, label_set))
    return label_set


def _refuse_own_settings(dataset: Dataset, columns: Columns, quoting: bool, names: Sequence[str] | None) -> None:
    """Refuse settings that are for a user's own file."""
    name, published = dataset.name, dataset.labels.names
    if columns.are_named:
        setting = "text_column" if columns.text is not None else "label_column"
        raise ParamsError(f"{Workspace().params}: download.{setting}: {name} has no columns; set it to null")
    if not quoting:
        raise ParamsError(f"{Workspace().params}: download.quoting: {name} is read with quoting; set it to true")
    if names and tuple(names) != published:
        raise ParamsError(
            f"{Workspace().params}: download.labels: those of {name} are {', '.join(published)}, in this order; "
            "set it to null"
        )


def _read_own(path: Path, dataset: str) -> bytes:
    """The bytes of a user's own file, which `dataset` names."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"download.dataset: {dataset} is neither a known data set ({', '.join(DATASETS)}) "
            f"nor a readable file ({error.strerror}); correct it in {Workspace().params}"
        ) from error


def _fetch_published(dataset: Dataset, destination: Path, known: Sequence[Pin]) -> LabelSet:
    with files.replacing(destination) as published:
        fetch(dataset.pin, published, known=known)
        if dataset.convert is not None:
            published.write_bytes(dataset.convert(published.read_bytes()))
    return dataset.labels
