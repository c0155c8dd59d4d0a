"""The splits as classifiers take them: texts, labels, and the token ids that the tokenize-pad stage made of them."""

import numpy as np

from spampipe.classifiers.text_classifier import Split
from spampipe.core.errors import DataError
from spampipe.core.workspace import Workspace
from spampipe.data import messages, tokens
from spampipe.data.labels import LabelSet


def load_split(workspace: Workspace, name: str, labels: LabelSet) -> Split:
    """Read one split.

    Args:
        workspace: holds the files.
        name: a name of `core.workspace.SPLITS`, or LEFTOVER_SPLIT.
        labels: the label set that the texts are labelled with.

    Returns:
        The split; without tokens if its rows of tokens have no columns, as for a classifier that reads none.

    Raises:
        DataError: a file is missing or damaged, or the tokens are of texts with other labels.
    """
    table = messages.read(workspace.split_csv(name), labels)
    classes = table["Label"].to_numpy(np.int64)
    path = workspace.split_tokens(name)
    rows = tokens.load(path)
    if rows.label_set != labels or not np.array_equal(rows.labels, classes):
        raise DataError(f"{path}: not of the texts in {workspace.split_csv(name)}; run `dvc repro tokenize-pad`")
    return Split(name, table["Text"].tolist(), classes, rows if rows.max_length else None)
