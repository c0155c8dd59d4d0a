"""The part of the `spampipe` command that examines trained models: evaluate, behaviour, robustness."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spampipe.cli_models import Add
from spampipe.core.workspace import Workspace

if TYPE_CHECKING:
    from spampipe.classifiers.text_classifier import TextClassifier
    from spampipe.exams.measures import Measure

_HERE = "workspace"  # instead of a folder or revision
_MOST = 2**32 - 1  # of a seed


def add_to(add: Add) -> None:
    """Add these subcommands.

    Args:
        add: makes a subcommand of an action and its summary.
    """
    models = "folders that hold models/, experiments, git revisions, or `workspace`; default: the workspace"
    one = "a folder that holds models/, an experiment or a git revision; default: the workspace"
    evaluate = add(_evaluate, "score the trained model on any labelled file")
    evaluate.add_argument("--on", type=_path, required=True, metavar="FILE", help="its texts and labels")
    evaluate.add_argument("--text-column", nargs="+", metavar="C", help="of the file; default: text")
    evaluate.add_argument("--label-column", metavar="C", help="of the file; default: label")
    evaluate.add_argument("--no-quoting", dest="quoting", action="store_false", help="quotes are characters")
    rename = "a label of the file and the model's that it means, such as yes=spam no=ham"
    evaluate.add_argument("--map", nargs="+", default=[], metavar="A=B", help=rename)
    evaluate.add_argument("--model", default=_HERE, metavar="MODEL", help=one)
    files_of_it = "for metrics.json, predictions.csv and misclassified.csv"
    evaluate.add_argument("--output", type=_path, metavar="FOLDER", help=files_of_it)
    evaluate.set_defaults(needs_repository=lambda options: options.model == _HERE)
    behaviour = add(_behaviour, "hold trained models against tests of their behaviour")
    behaviour.add_argument("--cases", type=_path, metavar="FILE", help="default: exams/behaviour.yaml")
    behaviour.add_argument("--worst", type=_whole, default=3, metavar="K", help="of each group (%(default)s)")
    behaviour.add_argument("--model", nargs="+", default=[_HERE], metavar="MODEL", help=models)
    behaviour.add_argument("--output", type=_path, metavar="FOLDER", help="for behaviour.csv and behaviour_tests.csv")
    behaviour.set_defaults(needs_repository=lambda options: _HERE in options.model or options.cases is None)
    robustness = add(_robustness, "compare trained models' errors on test texts before and after changes")
    robustness.add_argument("--cues", type=_path, metavar="FILE", help="default: exams/source_cues.yaml")
    robustness.add_argument("--seed", type=_whole, default=0, help="of the changes (%(default)s)")
    robustness.add_argument("--model", nargs="+", default=[_HERE], metavar="MODEL", help=models)
    robustness.add_argument("--output", type=_path, metavar="FOLDER", help="for robustness.csv")


def _evaluate(options: argparse.Namespace) -> None:
    """Print the model's figures on a file, with 95 % intervals of shares, beside those of its test messages."""
    from spampipe.core import files
    from spampipe.data.tables import Columns
    from spampipe.evaluation import reports
    from spampipe.exams import labelled_texts, measures
    from spampipe.inference import bulk

    with _model(options.workspace, options.model) as model:
        known = model.classifier.labels
        renamed = labelled_texts.renames(options.map, known)
        columns = Columns(options.text_column, options.label_column)
        given = labelled_texts.read(options.on, columns, known, renamed, quoting=options.quoting)
        trained_on = labelled_texts.trained_on(given.texts, model.workspace.split_csv("train"), known)
        test = measures.of_test_split(model.workspace.predictions, known)
        split = measures.score(model.classifier, given, bulk.batch_size(options.workspace))
    found = measures.measure(split, known)
    if options.output is not None:
        answers = reports.predictions(options.on.name, split, known)
        files.write_json(options.output / "metrics.json", measures.flat(found) | {"trained_on": trained_on})
        files.write_csv(options.output / "predictions.csv", answers)
        files.write_csv(options.output / "misclassified.csv", reports.misclassified(answers))
    _print_trained_on(options.on.name, trained_on, len(split))
    columns_of = [each for each in (found, test) if each]
    headings = ["", options.on.name, "test split"][: 1 + len(columns_of)]
    _print_table(headings, [[name, *(_cell(each[name]) for each in columns_of)] for name in found])


def _behaviour(options: argparse.Namespace) -> None:
    """Print the failure rate of each group of tests with its 95 % interval, and the worst failures.

    A failure is printed as the model, the group, the label whose probability is meant, that probability without and
    with the change, and the text, separated by tabs.
    """
    from spampipe.core import files, section
    from spampipe.exams import behaviour, behaviour_cases, tables
    from spampipe.inference import bulk

    path = options.cases or options.workspace.root / behaviour_cases.FILE
    cases = section.read(path, behaviour_cases.BehaviourCases, "--cases names the file")
    batch_size = bulk.batch_size(options.workspace)
    found = {}
    for name in options.model:
        with _model(options.workspace, name) as model:
            cases.require_labels(model.classifier.labels, path)
            found[name] = behaviour.examine(model.classifier, cases, batch_size)
    if options.output is not None:
        files.write_csv(options.output / "behaviour.csv", tables.behaviour_groups(found))
        files.write_csv(options.output / "behaviour_tests.csv", tables.behaviour_tests(found))
    shown = tables.side_by_side(found)
    cells = [
        [name, group.name, group.kind, f"{group.failures} of {len(group.tests)}", _cell(group.failure_rate)]
        for name, group in shown
    ]
    _print_table(["model", "group", "kind", "failed", "failure rate"], cells)
    for name, group in shown:
        for test in group.worst(options.worst):
            shares = f"{test.probability_before:.4f}\t{test.probability_after:.4f}"
            print(f"{name}\t{group.name}\t{test.judged}\t{shares}\t{' '.join(test.after.split())}")


def _robustness(options: argparse.Namespace) -> None:
    """Print error rates of the test messages before and after each change, with 95 % intervals.

    Both rates are of the messages that the change alters.
    """
    from spampipe.core import files, section
    from spampipe.exams import labelled_texts, robustness, source_cues, tables
    from spampipe.inference import bulk

    cues_file = options.cues or options.workspace.root / source_cues.FILE
    cues = section.read(cues_file, source_cues.SourceCues, "--cues names the file")
    batch_size = bulk.batch_size(options.workspace)
    found = {}
    for name in options.model:
        with _model(options.workspace, name) as model:
            known = model.classifier.labels
            given = labelled_texts.test_split(options.workspace, known)
            trained_on = labelled_texts.trained_on(given.texts, model.workspace.split_csv("train"), known)
            found[name] = robustness.examine(model.classifier, given, cues, options.seed, batch_size)
        _print_trained_on(name, trained_on, len(given.texts))
    if options.output is not None:
        files.write_csv(options.output / "robustness.csv", tables.robustness(found))
    cells = [
        [name, change.name, change.rate, str(change.texts), _cell(change.before), _cell(change.after)]
        for name, change in tables.side_by_side(found)
    ]
    _print_table(["model", "change", "rate of", "texts", "before", "after"], cells)


@dataclass(frozen=True)
class _Model:
    """A trained model, and where its other files lie."""

    classifier: "TextClassifier"
    workspace: Workspace


@contextmanager
def _model(workspace: Workspace, name: str) -> Iterator[_Model]:
    """The model of the workspace, of a folder, an experiment or a git revision."""
    from spampipe.inference import prediction
    from spampipe.results import history

    if name == _HERE or Path(name).is_dir():
        place = workspace if name == _HERE else Workspace(Path(name).absolute())
        yield _Model(prediction.load(place), place)
        return
    revision = history.resolve(workspace, name)
    names = Workspace()
    wanted = [names.classifier_card, names.classifier_weights, names.decision]
    beside = {names.splits, names.predictions} & history.outputs_of(workspace, revision.commit)
    with history.files_of(workspace, revision, [*wanted, *sorted(beside)]) as place:
        yield _Model(prediction.load(place), place)


def _print_trained_on(name: str, count: int | None, total: int) -> None:
    """How many texts a model was trained on, if that is known."""
    if count is not None:
        print(f"{name}: {count} of {total} texts were trained on")


def _cell(value: "Measure") -> str:
    """A figure for people: a share in percent with its interval, others as they are."""
    from spampipe.evaluation.intervals import Interval
    from spampipe.results import tables

    if isinstance(value, Interval):
        return f"{value.value:.1%} ({value.low:.1%} to {value.high:.1%})".replace("%", " %")
    return tables.number(value)


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns under each other; one of models is left out if there is one only."""
    from spampipe.results import tables

    if headings[0] == "model" and len({row[0] for row in rows}) == 1:
        headings, rows = headings[1:], [row[1:] for row in rows]
    print(tables.aligned(headings, rows, "l" * len(headings)))


def _whole(argument: str) -> int:
    """A whole number that may be a seed, as in params.yaml."""
    if argument.isdecimal() and int(argument) <= _MOST:
        return int(argument)
    raise argparse.ArgumentTypeError(f"{argument}: must be a whole number from 0 to {_MOST}")


def _path(argument: str) -> Path:
    """A file that the user names, from wherever the command is started."""
    return Path(argument).absolute()
