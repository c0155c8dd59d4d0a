"""Texts with labels of a trained model: of a user's own file, or of the test split."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spampipe.core.errors import DataError, ParamsError
from spampipe.core.hints import closest
from spampipe.core.workspace import Workspace
from spampipe.data import file_formats, messages, tables
from spampipe.data import labels as label_sets
from spampipe.data.labels import Labels, LabelSet
from spampipe.data.records import RawText
from spampipe.data.tables import Columns, OwnTable

_SHOWN = 40  # characters of a wrong label
# The settings that errors of `data` name, and the options that stand for them here.
_OPTIONS = {
    "download.text_column": "--text-column",
    "download.label_column": "--label-column",
    "set download.quoting to false": "give --no-quoting",
}


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with their labels.

    Attributes:
        texts: N of them, none empty.
        labels: (N,) their class indices.
    """

    texts: Sequence[str]
    labels: Labels


def renames(pairs: Iterable[str], labels: LabelSet) -> dict[str, str]:
    """Which of the model's labels stand for those of a file.

    Args:
        pairs: such as `yes=spam`: a label of the file, and one of the model's.
        labels: the model's.

    Raises:
        ParamsError: one is no such pair.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        theirs, sign, ours = pair.rpartition("=")
        if not (theirs and sign and ours):
            raise ParamsError(f"--map {pair}: must be a label of the file and one of the model's, such as yes=spam")
        if ours not in labels.names:
            raise ParamsError(f"--map {pair}: the model has no label {ours}; {closest(ours, labels.names)}")
        if theirs in found:
            raise ParamsError(f"--map {pair}: {theirs} is renamed twice; leave one of the two out")
        found[theirs] = ours
    return found


def read(
    path: Path, columns: Columns, labels: LabelSet, renamed: Mapping[str, str], *, quoting: bool
) -> LabelledTexts:
    """Read a table or lines of `label<TAB>text`, told apart as `download.dataset` is.

    Args:
        path: the file; its name says which of `tables.KINDS` it is.
        columns: of a table; with any named, a .tsv file is one.
        labels: the model's.
        renamed: the model's label for a label of the file, as `renames` returns it; others stay as they are.
        quoting: whether a double quote at the begin of a field has a meaning; see `RawText`.

    Raises:
        DataError: the file cannot be read, holds no text, or a label that the model does not have; the error names
            the row.
        ParamsError: columns are named of a file that has none, or no row has a label that is to be renamed.
    """
    try:
        data = tables.unpacked(path.read_bytes(), path)
        table = _table(data, path, columns, labels, quoting=quoting)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; --on names the file") from error
    except DataError as error:
        problem = str(error)
        for setting, option in _OPTIONS.items():
            problem = problem.replace(setting, option)
        raise DataError(problem) from error
    if not table.messages:
        raise DataError(f"{path}: holds no messages; name a file that does")
    present = {label for label, _ in table.messages}
    for name in renamed:
        if name not in present:
            raise ParamsError(f"--map {name}={renamed[name]}: {path} has no label {name}; {closest(name, present)}")
    index = {name: number for number, name in enumerate(labels.names)}
    numbers = []
    for row, (label, _) in enumerate(table.messages):
        name = renamed.get(label, label)
        if name not in index:
            known = ", ".join(labels.names)
            problem = f"label {label[:_SHOWN]!r} is none of the model's, which are {known}"
            raise table.error(row, f"{problem}; rename it, as in --map '{label[:_SHOWN]}={labels.names[0]}'")
        numbers.append(index[name])
    return LabelledTexts([text for _, text in table.messages], np.array(numbers, dtype=np.int64))


def test_split(workspace: Workspace, labels: LabelSet) -> LabelledTexts:
    """The test messages of a workspace.

    Args:
        workspace: holds data/.
        labels: the model's, which may be in another order than the messages'.

    Raises:
        DataError: a file is missing or damaged, or the model has other labels than the messages.
    """
    theirs = label_sets.load(workspace.labels)
    if set(theirs.names) != set(labels.names):
        raise DataError(
            f"{workspace.split_csv('test')}: its labels are {', '.join(theirs.names)}, but the model's are "
            f"{', '.join(labels.names)}; name a model of the same labels with --model"
        )
    table = messages.read(workspace.split_csv("test"), theirs)
    classes = np.array([labels.names.index(name) for name in theirs.names], dtype=np.int64)
    return LabelledTexts(table["Text"].tolist(), classes[table["Label"].to_numpy()])


def trained_on(texts: Sequence[str], path: Path, labels: LabelSet) -> int | None:
    """How many of the texts stand in a model's training data, word for word.

    Args:
        texts: the texts to look for.
        path: data/splits/train.csv of the model.
        labels: the model's label set.

    Returns:
        None if there is no such file.

    Raises:
        DataError: the file is no table of messages.
    """
    if not path.exists():
        return None
    seen = set(messages.read(path, labels)["Text"])
    return sum(text in seen for text in texts)


def _table(data: bytes, path: Path, columns: Columns, labels: LabelSet, *, quoting: bool) -> OwnTable:
    kind = tables.kind_of(path)
    is_table = kind in tables.KINDS and (columns.are_named or kind != ".tsv")
    if columns.are_named and not is_table:
        kinds = ", ".join(tables.KINDS)
        raise ParamsError(f"{path}: --text-column and --label-column are for files that end in {kinds}; rename it")
    try:
        if is_table:
            return tables.read(data, path, columns, quoting=quoting)
        return _lines(RawText(data, path, quoting), labels)
    except DataError as error:
        described = file_formats.of_signature(data, kind) if is_table else file_formats.describe(data, labels)
        if described:
            raise DataError(f"{path}: {described}") from error
        raise


def _lines(raw: RawText, labels: LabelSet) -> OwnTable:
    records = list(raw.records())
    for record in records:
        raw.refuse_run_on(record, labels.names)
        if problem := messages.problem_of(record.fields, None, own=True):
            raise raw.error(record, problem)
    given = [record.fields[0] for record in records]
    if given and given[0] not in labels.names:
        only = given.count(given[0]) == 1
        if described := file_formats.describe_header(records[0].fields, only=only):
            raise raw.error(records[0], described)
    return OwnTable(
        [(record.fields[0], record.fields[1]) for record in records],
        lambda row, problem: raw.error(records[row], problem),
    )
