"""The `spampipe` command: use a trained classifier, and keep results and their records together."""

import argparse
import os
import shutil
import sys
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from spampipe import cli_comparisons, cli_exams, cli_models, cli_studies, cli_tuning, presets
from spampipe.cli_models import Action, Add
from spampipe.core import command, settings
from spampipe.core.errors import RepositoryError
from spampipe.core.workspace import Workspace
from spampipe.tracking import connection


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one subcommand; exit 0, 1 on bad input or a failed check, 2 on bad usage.

    Args:
        arguments: the words after `spampipe` on the command line; None for those of this process.
    """
    parser = argparse.ArgumentParser(prog="spampipe", description=__doc__)
    parser.set_defaults(needs_repository=lambda options: True)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(action: Action, summary: str) -> argparse.ArgumentParser:
        name = action.__name__.removeprefix("_").replace("_", "-")
        added = commands.add_parser(name, help=summary, description=action.__doc__)
        added.set_defaults(action=action)
        return added

    cli_models.add_to(add)
    cli_exams.add_to(add)
    cli_studies.add_to(add)
    _add_ui(add)
    _add_preset(add)
    _add_work_with_results(add)
    cli_comparisons.add_to(add)
    cli_tuning.add_to(add)
    options = parser.parse_args(arguments)
    command.run(lambda: _perform(options), log=sys.stderr)  # standard output is the answer's


def _add_ui(add: Add) -> None:
    ui = add(_ui, "browse the recorded runs")
    ui.add_argument("--port", type=int, default=5000, help="of this machine (%(default)s)")
    ui.add_argument("--no-browser", dest="browser", action="store_false", help="only print the view's address")
    ui.set_defaults(needs_repository=lambda options: not os.environ.get(connection.ADDRESS_VARIABLE))


def _add_preset(add: Add) -> None:
    preset = add(_preset, "put named settings into params.yaml, such as the book's")
    preset.add_argument("name", nargs="?", metavar="NAME", help="of a file in presets/; none: list them")
    preset.add_argument("--list", action="store_true", help="only list them")
    preset.add_argument("--set", action="store_true", help="change nothing; print options for `dvc exp run`")


def _add_work_with_results(add: Add) -> None:
    publish = add(_publish, "complete the MLflow store from results")
    what = publish.add_mutually_exclusive_group()
    what.add_argument("revision", nargs="?", metavar="REV", help="experiment or git revision; none: the workspace")
    what.add_argument("--experiments", action="store_true", help="every DVC experiment of this clone")
    where = add(_where, "find the run, experiment, model and revision that belong together")
    where.add_argument("name", metavar="X", help="an experiment, a model's md5, a run's id or a git revision")
    verify = add(_verify, "run the pipeline anew elsewhere, and compare every output")
    verify.add_argument("revision", nargs="?", default="HEAD", metavar="REV", help="default: %(default)s")
    experiments = add(_experiments, "list the experiments, what each changed and its metrics")
    experiments.add_argument("--all-commits", action="store_true", help="also those that do not start from HEAD")
    experiments.add_argument("--markdown", action="store_true", help="print a Markdown table")
    _add_prompt(add)


def _add_prompt(add: Add) -> None:
    prompt = add(_prompt, "ask a base model for the labels, without training, as an experiment")
    prompt.add_argument("--shots", type=int, metavar="K", help="examples in the prompt; default: model.prompt_shots")
    calibrate = "fit what is added to each label's score on validation; default: model.prompt_calibrate"
    prompt.add_argument("--calibrate", action=argparse.BooleanOptionalAction, help=calibrate)
    prompt.add_argument("--template", type=Path, metavar="FILE", help="the question; default: model.prompt_template")
    prompt.add_argument("--model", metavar="NAME", help="the base model; default: model.name")


def _perform(options: argparse.Namespace) -> None:
    """Do what the options ask for, in the workspace that the current folder belongs to."""
    here = Path.cwd()
    found = Workspace.containing(here)
    if found is None and options.needs_repository(options):
        names = Workspace()
        raise RepositoryError(
            f"{here} is in no repository of spampipe: no folder from here up holds {names.pipeline} and "
            f"{names.params}; go to one that does"
        )
    options.workspace = found or Workspace(here)
    options.action(options)


def _preset(options: argparse.Namespace) -> None:
    """Put named settings into params.yaml; print each that changes, its old value and its new one.

    A preset decides every setting of `model` and `train`, whatever was there; all others stay as they are.
    """
    here = options.workspace
    if options.list or options.name is None:
        print("\n".join(f"{name}\t{summary}" for name, summary in presets.summaries(here).items()))
        return
    changed = presets.changes(here, options.name)
    if options.set:
        print(" ".join(f"-S {assignment}" for assignment in presets.assignments(changed)))
        return
    presets.apply(here, changed)
    for key, (before, after) in changed.items():
        print(f"{key}\t{presets.written(before)}\t{presets.written(after)}")


def _publish(options: argparse.Namespace) -> None:
    """Record in MLflow what results hold and their runs lack; print each result, its run and what was added."""
    from spampipe.results import history, publication

    here, name = options.workspace, options.revision
    if options.experiments:
        published = publication.publish_experiments(here)
    elif name:
        published = iter([publication.publish_revision(here, history.resolve(here, name))])
    else:
        published = iter([publication.publish_workspace(here)])
    for result in published:
        print(f"{result.title}\t{result.run_id}\t{', '.join(result.added) or 'complete already'}")


def _where(options: argparse.Namespace) -> None:
    """Print the model's md5, its runs, experiments and revisions, one a line."""
    from spampipe.results import lookup

    print("\n".join(lookup.where(options.workspace, options.name).lines()))


def _verify(options: argparse.Namespace) -> None:
    """Run the pipeline of a revision in a temporary copy, without caches, and compare the md5 of every output."""
    from spampipe.results import history, verification

    verdict = verification.verify(options.workspace, history.resolve(options.workspace, options.revision))
    print(verdict.table())
    verdict.fail_unless_same()


def _prompt(options: argparse.Namespace) -> None:
    """Run the pipeline with a prompt instead of training; print the experiment's name and its metrics.

    The settings that are not given here are those of params.yaml.
    """
    from spampipe.results import asking

    top = options.workspace.root
    template = options.template and Path(os.path.abspath(options.template))
    if template and template.is_relative_to(top):
        template = template.relative_to(top)
    given = {
        "model.prompt_template": template and template.as_posix(),
        "model.prompt_shots": options.shots,
        "model.prompt_calibrate": options.calibrate,
        "model.name": options.model,
    }
    asked = asking.ask(options.workspace, {name: value for name, value in given.items() if value is not None})
    print(f"experiment\t{asked.name}")
    for name, value in asked.metrics.items():
        print(f"{name}\t{settings.written(value)}")


def _experiments(options: argparse.Namespace) -> None:
    """Print the workspace, HEAD and its experiments: the settings that differ from HEAD's, and the main metrics."""
    from spampipe.results import experiments

    rows = experiments.collect(options.workspace, all_commits=options.all_commits)
    width = shutil.get_terminal_size().columns
    print(experiments.markdown(rows) if options.markdown else experiments.text(rows, width))


def _ui(options: argparse.Namespace) -> None:
    """Serve MLflow's pages of the recorded runs until interrupted, and open the view of all runs."""
    from spampipe.tracking import run_ui

    def announce(address: str) -> None:
        print(address, flush=True)
        if options.browser and run_ui.has_browser():
            with suppress(webbrowser.Error, OSError):
                webbrowser.open(address)

    run_ui.show(options.workspace, options.port, announce)
