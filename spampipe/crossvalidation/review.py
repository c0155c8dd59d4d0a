"""The messages of a cross-validation whose label is probably wrong, as a table that people fill in."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from spampipe.core import files
from spampipe.core.errors import DataError, ParamsError, one_line
from spampipe.core.hints import closest
from spampipe.crossvalidation import corpus, outputs
from spampipe.data.corrections import TO_FILL_IN
from spampipe.evaluation import suspects
from spampipe.params import Params

_SHOWN = 80  # characters of a text


def table(folder: Path, contenders: Sequence[str], settings: Params, root: Path) -> pd.DataFrame:
    """The suspects, those first whose own label is the least probable.

    Args:
        folder: that `outputs.write` wrote to.
        contenders: whose answers count; of several, the mean of their probabilities; none for all in the folder.
        settings: of which `download` and `balance.corrections` are read; they say where the texts are from.
        root: what the paths in these settings start from.

    Returns:
        Columns text, label, suggested (a label), probability_of_label, near_otherwise (how many messages of the same
        group of near-duplicates have another label), and empty ones to be filled in.

    Raises:
        DataError: there are no answers, or they are not of these messages.
        FetchError: the data set could not be had.
        ParamsError: the folder has no such contender.
    """
    answers = outputs.read(folder)
    for name in contenders:
        if name not in answers:
            raise ParamsError(f"--contender {name}: none of {folder}; {closest(name, answers)}")
    chosen = [answers[name] for name in dict.fromkeys(contenders or answers)]
    first = chosen[0]
    known, messages = corpus.messages_of(settings, root)
    same = known == first.label_set and messages.index.tolist() == first.rows.tolist()
    if not same or messages["Label"].tolist() != first.labels.tolist():
        raise DataError(
            f"{folder}: not of the messages and labels of {settings.download.dataset} as they are; cross-validate "
            "again, or set download.dataset to that of the answers"
        )
    found = suspects.find(first.labels, np.mean([each.probabilities for each in chosen], axis=0))
    positions = found.positions
    listed = pd.DataFrame({"text": messages["Text"].to_numpy()[positions]})
    listed["label"] = known.names_of(first.labels[positions])
    listed["suggested"] = known.names_of(found.suggested)
    listed["probability_of_label"] = found.self_confidence
    listed["near_otherwise"] = suspects.labelled_otherwise(first.labels, first.groups)[positions]
    return listed.assign(**dict.fromkeys(TO_FILL_IN, ""))


def write(path: Path, suspected: pd.DataFrame, folder: Path) -> None:
    """Write suspects as CSV.

    Args:
        path: the file, which is replaced in one step.
        suspected: as `table` makes it.
        folder: of the answers, where every CSV file is taken for a contender's.

    Raises:
        ParamsError: the file would lie in that folder.
    """
    if path.resolve().parent == folder.resolve():
        raise ParamsError(f"--output {path}: {folder} is for answers only; name a file in another folder")
    files.write_csv(path, suspected, float_format="%.6g")


def shown(suspected: pd.DataFrame) -> list[list[str]]:
    """A heading, and a row for each suspect.

    Args:
        suspected: as `table` makes it.
    """
    rows = [["label", "suggested", "probability of label", "near otherwise", "text"]]
    for text, label, suggested, probability, otherwise in suspected.iloc[:, :5].to_numpy():
        rows.append([label, suggested, f"{probability:.4f}", str(otherwise), one_line(text, _SHOWN)])
    return rows
