"""The part of the `spampipe` command on what scores and labels are worth: crossvalidate, learning-curve, suspects."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from spampipe import params
from spampipe.cli_models import Add
from spampipe.core.errors import ParamsError
from spampipe.core.hints import closest

if TYPE_CHECKING:
    from spampipe.crossvalidation.contenders import Study

logger = logging.getLogger(__name__)


def add_to(add: Add) -> None:
    """Add these subcommands.

    Args:
        add: makes a subcommand of an action and its summary.
    """
    crossvalidate = add(_crossvalidate, "score every message by a model that was not trained on it")
    curve = add(_learning_curve, "train contenders on few messages, then on more: where does a language model pay?")
    study = "a YAML file of contenders, such as those in studies/; none: the settings of params.yaml"
    where = "of what is written; default: that of the study's name beside it, or reports/crossvalidation"
    for each, default in ((crossvalidate, "all that are not on demand"), (curve, "those of its learning_curve")):
        each.add_argument("study", nargs="?", type=Path, metavar="STUDY", help=study)
        each.add_argument("--only", nargs="+", metavar="NAME", help=f"of the study's contenders; default: {default}")
        each.add_argument("--output", type=Path, metavar="FOLDER", help=f"folder {where}")
    suspects = add(_suspects, "list the messages whose label is probably wrong")
    written = "what `spampipe crossvalidate` wrote; default: reports/crossvalidation"
    suspects.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help=written)
    several = "whose answers count, of several the mean of their probabilities; default: all in the folder"
    suspects.add_argument("--contender", nargs="+", default=[], metavar="NAME", help=several)
    suspects.add_argument("--top", type=int, default=20, metavar="N", help="how many at most (%(default)s)")
    suspects.add_argument("--output", type=Path, metavar="FILE", help="CSV, to be reviewed; default: only print")


def _crossvalidate(options: argparse.Namespace) -> None:
    """Train and score each contender on the folds of all distinct messages; print a table of metrics.

    Finished folds are kept: a run that was stopped goes on where it was. MLflow has a run with metrics and answers of
    all contenders.
    """
    from spampipe.core import environment
    from spampipe.crossvalidation import corpus, outputs, running, tables
    from spampipe.models import compute
    from spampipe.results import study_runs

    here = options.workspace
    study, folder = _asked(options)
    compute.configure_torch()
    validation = running.CrossValidation(study, corpus.load(study.common, here.root), here)
    for name in options.only or study.usual:
        outputs.write(folder, validation.run(name))
    outputs.judge(folder, study)
    found = tables.worth(outputs.read_json(folder / outputs.METRICS), study.says)
    print(tables.text(found))
    if environment.read().tracking:
        study_runs.record(here, study, folder)


def _learning_curve(options: argparse.Namespace) -> None:
    """Train contenders on stratified draws of each fold's messages, small to large; print a table of metrics.

    Writes curve.csv, curve.json and a figure. Finished trainings are kept, and on all messages they are those of
    `crossvalidate`: a run that was stopped goes on where it was.
    """
    from spampipe.crossvalidation import corpus, curve_outputs, learning_curve, outputs, tables
    from spampipe.figures import drawing, studies
    from spampipe.models import compute

    here = options.workspace
    study, folder = _asked(options)
    compute.configure_torch()
    curve = learning_curve.LearningCurve(study, corpus.load(study.common, here.root), here)
    for name in options.only or curve.contenders:
        curve_outputs.write(folder, curve.run(name))
    found = outputs.read_json(folder / curve_outputs.MEANS)
    plot = study.common.plot
    points, quantity = curve_outputs.drawn(found, study.says)
    figure = studies.learning_curve(points, quantity, (plot.width_inches, plot.height_inches))
    drawing.save(figure, folder / curve_outputs.FIGURE, plot.dots_per_inch)
    print(tables.text(tables.curve(found, study.says)))


def _asked(options: argparse.Namespace) -> "tuple[Study, Path]":
    """The study, and the folder of what is written about it.

    Raises:
        ParamsError: the study cannot be read, or lacks a contender of --only.
    """
    from spampipe.crossvalidation import contenders

    here, defaults = options.workspace, params.load(options.workspace.params)
    study = contenders.load(options.study, defaults) if options.study else contenders.of_params(defaults)
    for name in options.only or []:
        if name not in study.contenders:
            raise ParamsError(f"--only {name}: no such contender; {closest(name, study.contenders)}")
    return study, options.output or (options.study.with_suffix("") if options.study else here.crossvalidation)


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
