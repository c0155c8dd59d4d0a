"""The splits as classifiers take them: texts, labels, and token ids where the tokenize-pad stage has written them."""

import numpy as np

from spampipe.classifiers.text_classifier import Split
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.data import messages, tokens
from spampipe.data.labels import Labels, LabelSet
from spampipe.data.tokens import TokenTable


def load_split(workspace: Workspace, name: str, labels: LabelSet) -> Split:
    """Read one split.

    Args:
        workspace: holds the files.
        name: a name of `core.workspace.SPLITS`, or LEFTOVER_SPLIT.
        labels: the label set that the texts are labelled with.

    Returns:
        The split; without tokens if there is no file of them.

    Raises:
        DataError: the texts are missing or damaged, or the tokens are damaged or of other texts or labels.
    """
    table = messages.read(workspace.split_csv(name))
    classes = table["Label"].to_numpy(np.int64)
    path = workspace.split_tokens(name)
    if not path.exists():
        return Split(name, table["Text"].tolist(), classes)
    rows = tokens.load(path)
    if not _are_of(rows, classes, labels):
        raise DataError(f"{path}: not of the texts in {workspace.split_csv(name)}; run `dvc repro tokenize-pad`")
    return Split(name, table["Text"].tolist(), classes, rows)


def _are_of(rows: TokenTable, classes: Labels, labels: LabelSet) -> bool:
    """Whether rows of token ids have these labels, one for one, under the same names."""
    return rows.label_set == labels and np.array_equal(rows.labels, classes)
