"""The records of a finished run: as tables, as figures to compare runs by, and as the points of curves."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from spampipe.core import files
from spampipe.training.choices import Keep
from spampipe.training.training_log import Record

if TYPE_CHECKING:
    import pandas as pd

_MOMENT_COLUMNS = {
    "step": "int64",
    "epoch": "float64",
    "examples_seen": "int64",
    "tokens_seen": "int64",
    "learning_rate": "float64",
}
STEP_COLUMNS = _MOMENT_COLUMNS | {"train_loss": "float64", "validation_loss": "float64"}
_ACCURACY_COLUMNS = _MOMENT_COLUMNS | {"train_accuracy": "float64", "validation_accuracy": "float64"}
# Earlier versions wrote no more than those. A classifier without losses leaves their cells empty.
_LATER_COLUMNS = {"train_loss": "float64", "validation_loss": "float64", "kept": "int64"}
EPOCH_COLUMNS = _ACCURACY_COLUMNS | _LATER_COLUMNS


def steps_table(records: Sequence[Record]) -> "pd.DataFrame":
    """The losses, one row an estimate, columns STEP_COLUMNS.

    Args:
        records: all records of a run, in their order; only losses are used.
    """
    import pandas as pd  # who only uses a trained classifier does without

    rows = [(*_moment(r), r.train, r.validation) for r in records if r.quantity == "loss"]
    return pd.DataFrame(rows, columns=list(STEP_COLUMNS))


def epochs_table(records: Sequence[Record], keep: Keep = "last") -> "pd.DataFrame":
    """Accuracies, and losses over whole sets, one row an epoch, columns EPOCH_COLUMNS.

    Args:
        records: all records of a run, in their order; only those of accuracies are used.
        keep: which epoch's tensors training has left; `kept` is 1 in that epoch's row and 0 in the others.
    """
    import pandas as pd

    epochs = _epochs(records)
    kept = kept_epoch(records, keep)
    rows = [
        (*_moment(r), r.train, r.validation, r.train_loss, r.validation_loss, int(number == kept))
        for number, r in enumerate(epochs)
    ]
    table = pd.DataFrame(rows, columns=list(EPOCH_COLUMNS))
    return table.astype({name: EPOCH_COLUMNS[name] for name in ("train_loss", "validation_loss")})


def read_epochs(path: Path) -> "pd.DataFrame":
    """Read what `epochs_table` has made.

    Args:
        path: the file.

    Returns:
        Columns EPOCH_COLUMNS, without those after the accuracies if the file is an earlier version's; NaN for losses
        that a classifier does not have.

    Raises:
        DataError: the file is missing, or is not such a table.
    """
    return files.read_csv(path, EPOCH_COLUMNS, optional=_LATER_COLUMNS)


def kept_epoch(records: Sequence[Record], keep: Keep) -> int:
    """The number of the epoch whose tensors training has left, from 0; see `EarlyStopping`.

    Args:
        records: all records of a run, in their order, one or more of them of accuracies.
        keep: `best` is the first epoch with the lowest validation loss; for a classifier that has no losses, `last`.
    """
    losses = [record.validation_loss for record in _epochs(records)]
    known = [loss for loss in losses if loss is not None]
    return losses.index(min(known)) if keep == "best" and known else len(losses) - 1


def summary(records: Sequence[Record], keep: Keep = "last") -> dict[str, float | int]:
    """The last figures of each kind up to the kept epoch, and how long training was.

    Args:
        records: one or more; a classifier that is not trained step by step has no losses.
        keep: which epoch's tensors training has left; if the best one, its number, from 1, is among the figures.
    """
    until = _epochs(records)[kept_epoch(records, keep)].step if keep == "best" else records[-1].step
    last = {record.quantity: record for record in records if record.step <= until}
    found: dict[str, float | int] = {}
    for quantity, record in sorted(last.items(), reverse=True):
        found |= {f"train_{quantity}": record.train, f"validation_{quantity}": record.validation}
    if keep == "best":
        found["kept_epoch"] = kept_epoch(records, keep) + 1
    return found | {"steps": records[-1].step + 1, "examples_seen": records[-1].examples_seen}


def parameters(counts: tuple[int, int] | None) -> dict[str, int | None]:
    """How large a classifier is: `parameters` and `trained_parameters`, None where they are not counted.

    Args:
        counts: all numbers that it holds, and those that training changes, as `TextClassifier.parameters` has them.
    """
    held, trained = counts or (None, None)
    return {"parameters": held, "trained_parameters": trained}


def curves(steps: "pd.DataFrame", epochs: "pd.DataFrame") -> list[tuple[str, float, int]]:
    """What a tracker was shown while a run recorded these tables.

    Args:
        steps: the table of losses, columns STEP_COLUMNS.
        epochs: the table of epochs, as `read_epochs` returns it.

    Returns:
        The name, value and step of every point; each name has one at each of its steps.
    """
    of_steps = {f"{split}/loss": steps[f"{split}_loss"] for split in ("train", "validation")}
    of_epochs = {
        f"{split}/{shown}": epochs[f"{split}_{name}"]
        for shown, name in (("accuracy", "accuracy"), ("epoch_loss", "loss"))
        for split in ("train", "validation")
        if f"{split}_{name}" in epochs
    }
    points: dict[tuple[str, int], float] = {}
    for table, shown in ((steps, of_steps), (epochs, of_epochs)):
        for name, column in {**shown, "learning_rate": table["learning_rate"]}.items():
            present = column.notna()
            points |= {
                (name, int(step)): float(value)
                for step, value in zip(table["step"][present], column[present], strict=True)
            }
    return [(name, value, step) for (name, step), value in points.items()]


def _epochs(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.quantity == "accuracy"]


def _moment(record: Record) -> tuple[float, ...]:
    """The cells of _MOMENT_COLUMNS."""
    return tuple(asdict(record)[name] for name in _MOMENT_COLUMNS)
