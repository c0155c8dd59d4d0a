"""The part of the `spampipe` command that says what a score is worth: crossvalidate."""

import argparse
from pathlib import Path

from spampipe import params
from spampipe.cli_models import Add
from spampipe.core.errors import ParamsError
from spampipe.core.hints import closest


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
