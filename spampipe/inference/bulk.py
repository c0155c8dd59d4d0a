"""Classify any number of messages: batch by batch as they come, whatever is wrong with some of them."""

import logging
from typing import TYPE_CHECKING

from spampipe.core.errors import DataError
from spampipe.core.progress import Progress
from spampipe.inference.answer_files import Sink
from spampipe.inference.message_rows import Source

if TYPE_CHECKING:
    from spampipe.inference.prediction import SpamClassifier

logger = logging.getLogger(__name__)


def answer(classifier: "SpamClassifier", source: Source, sink: Sink, batch_size: int, *, progress: bool) -> int:
    """Write the answer to each message of a source that can be classified, in order; report the others.

    Args:
        classifier: gives the answers.
        source: of the messages.
        sink: takes the answers of each batch before the next one is read.
        batch_size: messages a forward pass; changes speed only.
        progress: show it.

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


def require_all(left_out: int) -> None:
    """Raise a DataError unless no message was left out."""
    if left_out:
        messages = "1 message was" if left_out == 1 else f"{left_out} messages were"
        raise DataError(f"{messages} left out, as reported; correct them, the others are answered")
