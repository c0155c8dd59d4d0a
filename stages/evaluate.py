"""Score all messages with the trained classifier."""

from spampipe import checkpoint, command, compute, evaluation, files, params, paths, scoring, tracking


def main() -> None:
    """Write reports/evaluate/."""
    settings = params.load()
    compute.configure_torch()
    card = checkpoint.load_card()
    classifier = checkpoint.load(card, compute.best_device())
    splits = {name: paths.split_csv(name) for name in (*paths.SPLITS, paths.LEFTOVER_SPLIT)}
    predictions = {
        name: scoring.predictions_of(name, classifier, card.precision, settings.evaluate) for name in splits
    }
    summary = evaluation.summarize(predictions)
    files.write_json(paths.EVALUATE_METRICS, summary)
    for path, table in evaluation.tables(predictions).items():
        files.write_csv(path, table)
    with tracking.resumed_run(settings) as run:
        run.log_datasets(splits)
        run.log_metrics(summary)
        run.log_files([paths.EVALUATE_REPORTS], "reports/evaluate")


if __name__ == "__main__":
    command.run(main)
