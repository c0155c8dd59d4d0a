"""The published data sets that can be fetched by name."""

from spampipe.data.dataset import Dataset
from spampipe.data.datasets import sms

_DATASETS = (sms.DATASET,)
DATASETS: dict[str, Dataset] = {dataset.pin.name: dataset for dataset in _DATASETS}
