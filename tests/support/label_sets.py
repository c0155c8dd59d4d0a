"""Label sets that many tests use."""

from spampipe.data.datasets.sms import SMS_SPAM_COLLECTION
from spampipe.data.labels import LabelSet

TWO = SMS_SPAM_COLLECTION.labels
THREE = LabelSet(names=("no", "perhaps", "yes"), positive=None)
