"""Score all messages with the trained classifier."""

import pandas as pd

from spampipe import (
    checkpoint,
    command,
    compute,
    evaluation,
    files,
    messages,
    metrics,
    params,
    paths,
    scoring,
    tokens,
    tracking,
)


def main() -> None:
    """Write reports/evaluate/."""
    settings = params.load()
    compute.configure_torch()
    card = checkpoint.load_card()
    classifier = checkpoint.load(card, compute.best_device())
    splits = {name: paths.split_csv(name) for name in (*paths.SPLITS, paths.LEFTOVER_SPLIT)}
    predictions = {}
    for name, path in splits.items():
        table = tokens.load(paths.split_tokens(name))
        probabilities = scoring.spam_probabilities(
            *(classifier, table, settings.evaluate.batch_size, card.precision, name), reuse_trunk=True
        )
        predictions[name] = evaluation.tabulate(
            *(name, messages.read(path), probabilities, settings.evaluate.threshold)
        )
    labels, probabilities = evaluation.labels_and_probabilities(predictions["test"])
    summary = evaluation.summarize(predictions)
    files.write_json(paths.EVALUATE_METRICS, summary)
    files.write_csv(paths.PREDICTIONS, pd.concat(predictions.values()))
    files.write_csv(paths.CONFUSION, evaluation.confusion(predictions["test"]))
    files.write_csv(paths.ROC, metrics.roc_points(labels, probabilities))
    files.write_csv(paths.PRECISION_RECALL, metrics.precision_recall_points(labels, probabilities))
    with tracking.resumed_run(settings) as run:
        run.log_datasets(splits)
        run.log_metrics(summary)
        run.log_files([paths.EVALUATE_REPORTS], "reports/evaluate")


if __name__ == "__main__":
    command.run(main)
