"""The part of the `spampipe` command that says what scores and labels are worth: crossvalidate, suspects."""

import argparse
import logging
from pathlib import Path

from spampipe import params
from spampipe.cli_models import Add
from spampipe.core.errors import ParamsError
from spampipe.core.hints import closest

logger = logging.getLogger(__name__)


def add_to(add: Add) -> None:
    """Add these subcommands.

    Args:
        add: makes a subcommand of an action and its summary.
    """
    crossvalidate = add(_crossvalidate, "score every message by a model that was not trained on it")
    study = "a YAML file of contenders, such as those in studies/; none: the settings of params.yaml"
    crossvalidate.add_argument("study", nargs="?", type=Path, metavar="STUDY", help=study)
    crossvalidate.add_argument("--only", nargs="+", metavar="NAME", help="of the study's contenders; default: all")
    where = "folder of the answers; default: that of the study's name beside it, or reports/crossvalidation"
    crossvalidate.add_argument("--output", type=Path, metavar="FOLDER", help=where)
    suspects = add(_suspects, "list the messages whose label is probably wrong")
    written = "what `spampipe crossvalidate` wrote; default: reports/crossvalidation"
    suspects.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help=written)
    several = "whose answers count, of several the mean of their probabilities; default: all in the folder"
    suspects.add_argument("--contender", nargs="+", default=[], metavar="NAME", help=several)
    suspects.add_argument("--top", type=int, default=20, metavar="N", help="how many at most (%(default)s)")
    suspects.add_argument("--output", type=Path, metavar="FILE", help="CSV, to be reviewed; default: only print")


def _crossvalidate(options: argparse.Namespace) -> None:
    """Train and score each contender on the folds of all distinct messages; print a table of metrics.

    Finished folds are kept: a run that was stopped goes on where it was.
    """
    from spampipe.crossvalidation import contenders, corpus, outputs, running, tables
    from spampipe.models import compute

    here, defaults = options.workspace, params.load(options.workspace.params)
    study = contenders.load(options.study, defaults) if options.study else contenders.of_params(defaults)
    for name in options.only or []:
        if name not in study.contenders:
            raise ParamsError(f"--only {name}: no such contender; {closest(name, study.contenders)}")
    folder = options.output or (options.study.with_suffix("") if options.study else here.crossvalidation)
    compute.configure_torch()
    validation = running.CrossValidation(study, corpus.load(study.common, here.root), here)
    for name in options.only or study.contenders:
        outputs.write(folder, validation.run(name))
    outputs.judge(folder, study)
    found = tables.worth(outputs.read_json(folder / outputs.METRICS), study.says)
    print(tables.text(found))


def _suspects(options: argparse.Namespace) -> None:
    """Print the messages whose label contradicts what models that were not trained on them say.

    First comes the one whose own label is the least probable. The data set is that of the study FOLDER.yaml if there
    is one, else that of params.yaml. Once `correction`, `by` and `reason` are filled in, the file's rows can stand in
    the file of corrections that `balance.corrections` names.
    """
    from spampipe.crossvalidation import contenders, review, tables

    if options.top < 1:
        raise ParamsError(f"--top {options.top}: must be 1 or more")
    here, settings = options.workspace, params.load(options.workspace.params)
    folder = options.folder or here.crossvalidation
    study = Path(f"{folder}.yaml")
    if study.is_file():
        settings = contenders.load(study, settings).common
    found = review.table(folder, options.contender, settings, here.root)
    listed = found.head(options.top)
    if options.output:
        review.write(options.output, listed, folder)
    print(tables.text(review.shown(listed)))
    logger.info("%d of %d suspects", len(listed), len(found))
