"""Label sets that many tests use."""

from spampipe.data.datasets import sms
from spampipe.data.labels import LabelSet

TWO = sms.DATASET.labels
THREE = LabelSet(names=("no", "perhaps", "yes"), positive=None)
