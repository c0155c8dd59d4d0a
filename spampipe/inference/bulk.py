"""Classify any number of messages: batch by batch as they come, leaving out those that cannot be used."""

import logging
from typing import TYPE_CHECKING

from spampipe import params
from spampipe.core.errors import DataError
from spampipe.core.progress import Progress
from spampipe.core.workspace import Workspace
from spampipe.inference.answer_files import Sink
from spampipe.inference.message_rows import Source

if TYPE_CHECKING:
    from spampipe.classifiers.text_classifier import TextClassifier

logger = logging.getLogger(__name__)

_BATCH_SIZE = 32  # where there is no params.yaml


def answer(classifier: "TextClassifier", source: Source, sink: Sink, batch_size: int, *, progress: bool) -> int:
    """Write the answer to each message of a source that can be classified, in order; report the others.

    Args:
        classifier: the classifier, which gives the answers.
        source: the messages.
        sink: the sink, which takes the answers to each batch before the next one is read.
        batch_size: how many messages are computed together; this changes speed only.
        progress: whether a progress bar is shown.

    Returns:
        How many messages were left out.
    """
    left_out = done = 0
    in_bytes = source.stream is not None
    unit = "B" if in_bytes else "messages"
    with Progress("classifying", source.size, unit, in_bytes=in_bytes, shown=progress) as shown:
        for rows in source.batches:
            good = []
            for row in rows:
                problem = row.problem or sink.problem(row)
                if problem:
                    left_out += 1
                    logger.warning("%s: %s; left out", row.place, problem)
                else:
                    good.append(row)
            found = classifier.classify([row.text for row in good], batch_size=batch_size, progress=False)
            sink.write(good, found)
            place = done + len(rows) if source.stream is None else source.stream.tell()
            shown.advance(place - done)
            done = place
    return left_out


def batch_size(workspace: Workspace) -> int:
    """How many messages are computed together: `evaluate.batch_size` of the workspace, if it has a params.yaml.

    Args:
        workspace: the workspace, whose params.yaml need not be there.

    Raises:
        ParamsError: params.yaml is wrong.
    """
    return params.load(workspace.params).evaluate.batch_size if workspace.params.exists() else _BATCH_SIZE


def require_all(left_out: int) -> None:
    """Fail if messages were left out.

    Args:
        left_out: how many messages were left out.

    Raises:
        DataError: at least one message was left out.
    """
    if left_out:
        messages = "1 message was" if left_out == 1 else f"{left_out} messages were"
        raise DataError(f"{messages} left out, as reported; correct them, the others are answered")
