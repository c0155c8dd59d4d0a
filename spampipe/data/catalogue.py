"""The published data sets that can be fetched by name."""

from spampipe.data.dataset import Dataset
from spampipe.data.datasets import sms

_DATASETS = (sms.SMS_SPAM_COLLECTION,)
DATASETS: dict[str, Dataset] = {dataset.pin.name: dataset for dataset in _DATASETS}

_NEUTRAL_EXAMPLES = ("Hey, are we still up for dinner tonight?", "The meeting has been moved to Thursday at ten.")


def examples(dataset: str) -> tuple[str, ...]:
    """Short texts that show a user of a trained model what to classify.

    Args:
        dataset: the value of `download.dataset`: a key of DATASETS, or the path of a user's own file.

    Returns:
        Those of the data set; for a user's own file, two everyday texts.
    """
    return DATASETS[dataset].examples if dataset in DATASETS else _NEUTRAL_EXAMPLES
