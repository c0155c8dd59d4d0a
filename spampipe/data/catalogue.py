"""The published data sets that can be fetched by name."""

from spampipe.data.dataset import Dataset
from spampipe.data.datasets import sms, trec

_DATASETS = (sms.DATASET, trec.COARSE, trec.FINE)
DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in _DATASETS}
