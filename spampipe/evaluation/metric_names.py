"""The names of the figures in reports/evaluate/metrics.json, known without computing them."""

EVALUATE_NAMES = (
    "test_accuracy",
    "test_precision",
    "test_recall",
    "test_f1",
    "test_false_positives",
    "test_false_negatives",
    "test_unseen_messages",
    "test_accuracy_unseen",
    "validation_accuracy",
    "leftover_false_positive_rate",
)
