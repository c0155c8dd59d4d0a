"""The part of the `spampipe` command that uses models: classify, errors, generate."""

import argparse
import csv
import io
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spampipe import params
from spampipe.core.errors import ParamsError
from spampipe.core.hints import closest
from spampipe.core.workspace import LEFTOVER_SPLIT, SPLITS, Workspace
from spampipe.models.architectures import BaseChoice
from spampipe.models.catalogue import BASE_MODELS, HUB_MODELS
from spampipe.models.hub_names import is_hub_name, named_repository

if TYPE_CHECKING:
    import pandas as pd

    from spampipe.data.labels import LabelSet

Action = Callable[[argparse.Namespace], None]
Add = Callable[[Action, str], argparse.ArgumentParser]  # a subcommand of this summary

_LONGEST_FIELD = (1 << 31) - 1  # characters; Python's csv would refuse more than 131,072


def add_to(add: Add) -> None:
    """Add these subcommands.

    Args:
        add: makes a subcommand of an action and its summary.
    """
    classify = add(_classify, "label messages with the trained model")
    classify.add_argument("texts", nargs="*", metavar="TEXT", help="messages; none: standard input, one a line")
    kinds = "with the messages: .txt, one a line, or .csv, .tsv, .jsonl, .parquet"
    classify.add_argument("--input", type=_path, metavar="FILE", help=kinds)
    classify.add_argument("--column", default="text", help="of the file, with the messages (%(default)s)")
    classify.add_argument("--output", type=_path, metavar="FILE", help="all columns and the answers; default: print")
    classify.add_argument("--json", action="store_true", help="print one JSON object a line")
    threshold = "the positive label from this probability on; default: the classifier's own"
    classify.add_argument("--threshold", type=float, help=threshold)
    top = "how many labels are given, each with its own probability, the most probable of the others after the first"
    classify.add_argument("--top", type=int, metavar="K", help=top)
    classify.set_defaults(needs_repository=lambda options: not Workspace(Path.cwd()).classifier_card.exists())
    errors = add(_errors, "list the misclassified messages")
    splits = (*SPLITS, LEFTOVER_SPLIT)
    errors.add_argument("--split", choices=splits, default="test", help="whose messages (%(default)s)")
    explain = "below each, what its words do to the predicted label, and the nearest training messages"
    errors.add_argument("--explain", action="store_true", help=explain)
    generate = add(_generate, "continue a text with a base model, greedily")
    generate.add_argument("text", metavar="TEXT", help="the beginning, such as 'Every effort moves you'")
    generate.add_argument("--model", type=_base, metavar="NAME", help="default: model.name of params.yaml")
    generate.add_argument("--revision", metavar="COMMIT", help="of a model hub:OWNER/NAME")
    generate.add_argument("--tokens", type=int, default=25, help="how many to add (%(default)s)")
    generate.set_defaults(needs_repository=lambda options: options.model is None)


def _classify(options: argparse.Namespace) -> None:
    """Print label, probability and text of each message, separated by tabs, as the messages come.

    The probability is that of the positive label if there is one, else that of the label itself. With --top, each
    of K labels is followed by its own.
    """
    from spampipe.inference import answer_files, bulk, message_files, message_rows

    if options.texts and options.input is not None:
        raise ParamsError("messages are given twice; leave out TEXT or --input")
    if options.top is not None and options.top < 1:
        raise ParamsError(f"--top {options.top}: must be 1 or more")
    csv.field_size_limit(_LONGEST_FIELD)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a character that the terminal has not
    batch_size = bulk.batch_size(options.workspace)
    with ExitStack() as stack:
        if options.input is not None:
            source = stack.enter_context(message_files.from_file(options.input, options.column))
        elif options.texts:
            source = message_rows.from_arguments(options.texts)
        else:
            source = message_rows.from_stream(sys.stdin.buffer)
        known = None if options.top is None else _classifier(options)  # its labels are columns
        top = None if known is None else min(options.top, len(known.labels))
        sink: answer_files.Sink = answer_files.Lines(sys.stdout, as_json=options.json, top=top)
        if options.output is not None:
            sink = stack.enter_context(answer_files.to_file(options.output, source, top))
        classifier = known or _classifier(options)  # takes seconds, and the files are in order
        left_out = bulk.answer(classifier, source, sink, batch_size, progress=options.output is not None)
    bulk.require_all(left_out)


def _classifier(options: argparse.Namespace) -> Any:
    from spampipe.inference import prediction

    return prediction.load(options.workspace, threshold=options.threshold)


def _errors(options: argparse.Namespace) -> None:
    """Print label, predicted label, probability and text of each misclassified message, separated by tabs.

    The probability is that of the positive label if there is one, else that of the predicted label. The mistakes
    that the model was most sure of come first. With --explain, lines that begin with a tab follow each: `nearest`,
    similarity, label and text of a training message; and `word`, the fall of the predicted label's log-odds without
    the word, and the word, in the text's order.
    """
    from spampipe.data import labels
    from spampipe.evaluation import readers, reports

    known = labels.load(options.workspace.labels)
    predictions = readers.read_predictions(options.workspace.predictions, known)
    mistakes = reports.confident_mistakes(predictions, options.split, known)
    explained = _explained(options, mistakes, known) if options.explain else [[] for _ in range(len(mistakes))]
    for row, lines in zip(mistakes.to_dict("records"), explained, strict=True):
        print(f"{row['label']}\t{row['predicted']}\t{row['probability']:.4f}\t{_on_one_line(row['text'])}")
        for line in lines:
            print(f"\t{line}")


def _explained(options: argparse.Namespace, mistakes: "pd.DataFrame", known: "LabelSet") -> list[list[str]]:
    """The lines below each mistake."""
    from spampipe.data import messages
    from spampipe.evaluation import explanations
    from spampipe.evaluation.neighbours import LabelledTexts
    from spampipe.inference import bulk, prediction

    if mistakes.empty:
        return []
    here = options.workspace
    table = messages.read(here.split_csv("train"), known)
    train = LabelledTexts(table["Text"].tolist(), table["Label"].to_numpy())
    ask = partial(prediction.load(here).probabilities, batch_size=bulk.batch_size(here), name="mistakes")
    texts, given = mistakes["text"].tolist(), mistakes["predicted"].map(known.names.index).to_numpy(dtype=int)
    left_out = mistakes["row"].tolist() if options.split == "train" else None
    found = explanations.explain(texts, given, train, ask, left_out)
    return [
        [
            *(f"nearest\t{n.similarity:.4f}\t{known.names[n.label]}\t{_on_one_line(n.text)}" for n in each.nearest),
            *(f"word\t{w.effect:+.4f}\t{_on_one_line(text[w.start : w.end])}" for w in each.words),
        ]
        for text, each in zip(texts, found, strict=True)
    ]


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _generate(options: argparse.Namespace) -> None:
    """Continue a text with a pretrained base model, always taking the most probable token."""
    from spampipe.inference.generation import continue_text

    choice = BaseChoice(options.model, "pretrained", options.revision) if options.model else None
    if choice is None:
        settings = params.load(options.workspace.params).model
        choice = settings.base
        if choice is None:
            raise ParamsError(f"model.name is {settings.name}, which has no base model; name one with --model")
    print(continue_text(choice.name, options.text, options.tokens, choice.revision))


def _base(argument: str) -> str:
    """The name of a base model."""
    names = (*BASE_MODELS, *HUB_MODELS)
    try:
        if is_hub_name(argument):
            named_repository(argument)
        elif argument not in names:
            raise ValueError(f"{argument}: no such model; {closest(argument, names)}")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return argument


def _path(argument: str) -> Path:
    """A file that the user names, from wherever the command is started."""
    return Path(argument).absolute()
