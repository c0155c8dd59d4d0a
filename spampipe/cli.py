"""The `spampipe` command: use a trained classifier, and look at a base model."""

import argparse
import sys
from collections.abc import Sequence

from spampipe import command, params
from spampipe.architectures import BASE_MODELS


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one subcommand; exit 0, 1 on bad input, 2 on bad usage."""
    parser = argparse.ArgumentParser(prog="spampipe", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_classify(commands.add_parser("classify", help="label messages with the trained model"))
    _add_generate(commands.add_parser("generate", help="continue a text with a base model, greedily"))
    options = parser.parse_args(arguments)
    command.run(lambda: options.action(options), log=sys.stderr)  # standard output is the answer's


def _add_classify(parser: argparse.ArgumentParser) -> None:
    parser.description = "Print label, probability of spam and text of each message, separated by tabs."
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="messages; none: standard input, one a line")
    parser.set_defaults(action=_classify)


def _classify(options: argparse.Namespace) -> None:
    from spampipe.prediction import SpamClassifier

    texts = options.texts or [line.rstrip("\r\n") for line in sys.stdin]
    settings = params.load().evaluate
    predictions = SpamClassifier.load().classify(texts, settings.threshold, settings.batch_size)
    for prediction in predictions:
        print(f"{prediction.label}\t{prediction.probability:.4f}\t{prediction.text}")


def _add_generate(parser: argparse.ArgumentParser) -> None:
    parser.description = "Continue a text with a pretrained base model, always taking the most probable token."
    parser.add_argument("text", metavar="TEXT", help="the beginning, such as 'Every effort moves you'")
    parser.add_argument("--model", choices=sorted(BASE_MODELS), help="default: model.name of params.yaml")
    parser.add_argument("--tokens", type=int, default=25, help="how many to add (%(default)s)")
    parser.set_defaults(action=_generate)


def _generate(options: argparse.Namespace) -> None:
    from spampipe.generation import continue_text

    print(continue_text(options.model or params.load().model.name, options.text, options.tokens))
