"""The `spampipe` command: use a trained classifier, and keep results and their records together."""

import argparse
import csv
import io
import os
import shutil
import sys
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import ExitStack, chdir, suppress
from pathlib import Path

from spampipe import params
from spampipe.core import command, paths
from spampipe.core.errors import ParamsError, RepositoryError
from spampipe.core.workspace import Workspace
from spampipe.models.architectures import BASE_MODELS
from spampipe.tracking import connection

Action = Callable[[argparse.Namespace], None]
Add = Callable[[Action, str], argparse.ArgumentParser]  # a subcommand of this summary

_LONGEST_FIELD = (1 << 31) - 1  # characters; Python's csv would refuse more than 131,072


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one subcommand; exit 0, 1 on bad input or a failed check, 2 on bad usage."""
    parser = argparse.ArgumentParser(prog="spampipe", description=__doc__)
    parser.set_defaults(needs_repository=lambda options: True)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(action: Action, summary: str) -> argparse.ArgumentParser:
        name = action.__name__.removeprefix("_")
        added = commands.add_parser(name, help=summary, description=action.__doc__)
        added.set_defaults(action=action)
        return added

    _add_uses_of_models(add)
    _add_work_with_results(add)
    options = parser.parse_args(arguments)
    command.run(lambda: _perform(options), log=sys.stderr)  # standard output is the answer's


def _add_uses_of_models(add: Add) -> None:
    classify = add(_classify, "label messages with the trained model")
    classify.add_argument("texts", nargs="*", metavar="TEXT", help="messages; none: standard input, one a line")
    kinds = "with the messages: .txt, one a line, or .csv, .tsv, .jsonl, .parquet"
    classify.add_argument("--input", type=_path, metavar="FILE", help=kinds)
    classify.add_argument("--column", default="text", help="of the file, with the messages (%(default)s)")
    classify.add_argument("--output", type=_path, metavar="FILE", help="all columns and the answers; default: print")
    classify.add_argument("--json", action="store_true", help="print one JSON object a line")
    classify.add_argument("--threshold", type=float, help="spam from this probability on; default: params.yaml's")
    classify.set_defaults(needs_repository=lambda options: not paths.CLASSIFIER_CARD.exists())
    errors = add(_errors, "list the misclassified messages")
    splits = (*paths.SPLITS, paths.LEFTOVER_SPLIT)
    errors.add_argument("--split", choices=splits, default="test", help="whose messages (%(default)s)")
    generate = add(_generate, "continue a text with a base model, greedily")
    generate.add_argument("text", metavar="TEXT", help="the beginning, such as 'Every effort moves you'")
    generate.add_argument("--model", choices=sorted(BASE_MODELS), help="default: model.name of params.yaml")
    generate.add_argument("--tokens", type=int, default=25, help="how many to add (%(default)s)")
    generate.set_defaults(needs_repository=lambda options: options.model is None)
    ui = add(_ui, "browse the recorded runs")
    ui.add_argument("--port", type=int, default=5000, help="of this machine (%(default)s)")
    ui.add_argument("--no-browser", dest="browser", action="store_false", help="only print the view's address")
    ui.set_defaults(needs_repository=lambda options: not os.environ.get(connection.ADDRESS_VARIABLE))


def _add_work_with_results(add: Add) -> None:
    publish = add(_publish, "complete the MLflow store from results")
    what = publish.add_mutually_exclusive_group()
    what.add_argument("revision", nargs="?", metavar="REV", help="experiment or git revision; none: the workspace")
    what.add_argument("--experiments", action="store_true", help="every DVC experiment of this clone")
    where = add(_where, "find the run, experiment, model and revision that belong together")
    where.add_argument("name", metavar="X", help="an experiment, a model's md5, a run's id or a git revision")
    verify = add(_verify, "run the pipeline anew elsewhere, and compare every output")
    verify.add_argument("revision", nargs="?", default="HEAD", metavar="REV", help="default: %(default)s")
    check = add(_check, "fail if metrics are under their bounds, or worse than a revision's")
    check.add_argument("revision", nargs="?", metavar="REV", help="experiment or git revision to compare with")
    register = add(_register, "put the model into MLflow's registry")
    register.add_argument("name", metavar="NAME", help="of the registered model")
    register.add_argument("--by", metavar="METRIC", help="a higher value makes the champion; default: a paired test")
    compare = add(_compare, "show two results side by side")
    compare.add_argument("first", metavar="A", help="an experiment, a git revision, or `workspace`")
    compare.add_argument("second", nargs="?", default="workspace", metavar="B", help="default: %(default)s")
    experiments = add(_experiments, "list the experiments, what each changed and its metrics")
    experiments.add_argument("--all-commits", action="store_true", help="also those that do not start from HEAD")
    experiments.add_argument("--markdown", action="store_true", help="print a Markdown table")
    report = add(_report, "print a Markdown comparison with a revision, for a pull request")
    report.add_argument("revision", nargs="?", default="main", metavar="REV", help="default: %(default)s")


def _perform(options: argparse.Namespace) -> None:
    """Do what the options ask for, at the top of the repository that the current folder belongs to."""
    here = Path.cwd()
    found = Workspace.containing(here)
    if found is None and options.needs_repository(options):
        raise RepositoryError(
            f"{here} is in no repository of spampipe: no folder from here up holds dvc.yaml and params.yaml; "
            "go to one that does"
        )
    options.workspace = found or Workspace(here)
    with chdir(options.workspace.root):
        options.action(options)


def _classify(options: argparse.Namespace) -> None:
    """Print label, probability of spam and text of each message, separated by tabs, as the messages come."""
    from spampipe.inference import answer_files, bulk, message_files, message_rows

    if options.texts and options.input is not None:
        raise ParamsError("messages are given twice; leave out TEXT or --input")
    csv.field_size_limit(_LONGEST_FIELD)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a character that the terminal has not
    settings = params.load().evaluate
    with ExitStack() as stack:
        if options.input is not None:
            source = stack.enter_context(message_files.from_file(options.input, options.column))
        elif options.texts:
            source = message_rows.from_arguments(options.texts)
        else:
            source = message_rows.from_stream(sys.stdin.buffer)
        sink: answer_files.Sink = answer_files.Lines(sys.stdout, as_json=options.json)
        if options.output is not None:
            sink = stack.enter_context(answer_files.to_file(options.output, source))
        from spampipe.inference.prediction import SpamClassifier  # takes seconds, and the files are in order

        threshold = settings.threshold if options.threshold is None else options.threshold
        classifier = SpamClassifier.load(threshold=threshold)
        progress = options.output is not None
        left_out = bulk.answer(classifier, source, sink, settings.batch_size, progress=progress)
    bulk.require_all(left_out)


def _errors(options: argparse.Namespace) -> None:
    """Print label, predicted label, probability of spam and text of each misclassified message, separated by tabs.

    The mistakes that the model was most sure of come first.
    """
    from spampipe.evaluation import readers, reports

    mistakes = reports.confident_mistakes(readers.read_predictions(options.workspace.predictions), options.split)
    for row in mistakes.to_dict("records"):
        text = " ".join(row["text"].split())  # one line a message
        print(f"{row['label']}\t{row['predicted']}\t{row['probability']:.4f}\t{text}")


def _generate(options: argparse.Namespace) -> None:
    """Continue a text with a pretrained base model, always taking the most probable token."""
    from spampipe.inference.generation import continue_text

    print(continue_text(options.model or params.load().model.name, options.text, options.tokens))


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


def _check(options: argparse.Namespace) -> None:
    """Hold the metrics against the bounds in params.yaml, and against another result's."""
    from spampipe.results import gate, history

    here, name = options.workspace, options.revision
    findings = gate.check(here, history.resolve(here, name) if name else None)
    print("\n".join(finding.line() for finding in findings))
    gate.fail_unless_passed(findings)


def _register(options: argparse.Namespace) -> None:
    """Register the workspace's model; it becomes the champion if it is better than the one there is."""
    from spampipe.results import registry

    registered = registry.register(options.workspace, options.name, options.by)
    print(f"{options.name}\tversion {registered.version}\t{registered.verdict}")


def _experiments(options: argparse.Namespace) -> None:
    """Print the workspace, HEAD and its experiments: the settings that differ from HEAD's, and the main metrics."""
    from spampipe.results import experiments

    rows = experiments.collect(options.workspace, all_commits=options.all_commits)
    width = shutil.get_terminal_size().columns
    print(experiments.markdown(rows) if options.markdown else experiments.text(rows, width))


def _report(options: argparse.Namespace) -> None:
    """Print metrics, settings, mistakes and the loss beside those of a revision, as Markdown."""
    from spampipe.results import comparison, result

    level = params.load(options.workspace.params).check.significance
    before, after = (result.named(options.workspace, name) for name in (options.revision, result.WORKSPACE))
    print(comparison.markdown(before, after, level))


def _compare(options: argparse.Namespace) -> None:
    """Print the settings that differ, the metrics and the right answers of two results, A and B."""
    from spampipe.results import comparison, result

    level = params.load(options.workspace.params).check.significance
    first, second = (result.named(options.workspace, name) for name in (options.first, options.second))
    print(comparison.text(first, second, level))


def _ui(options: argparse.Namespace) -> None:
    """Serve MLflow's pages of the recorded runs until interrupted, and open the view of all runs."""
    from spampipe.tracking import run_ui

    def announce(address: str) -> None:
        print(address, flush=True)
        if options.browser and run_ui.has_browser():
            with suppress(webbrowser.Error, OSError):
                webbrowser.open(address)

    run_ui.show(options.workspace, options.port, announce)


def _path(argument: str) -> Path:
    """A file that the user names, from wherever the command is started."""
    return Path(argument).absolute()
