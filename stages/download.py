"""Fetch the raw messages and the base model, and check that the messages can be read."""

from spampipe import bases, collection, command, params, paths


def main() -> None:
    """Write data/raw/messages.tsv and models/base/."""
    settings = params.load()
    dataset, quoting = settings.download.dataset, settings.download.quoting
    collection.fetch_messages(dataset, paths.RAW_MESSAGES, quoting=quoting, known=bases.PINS)
    bases.fetch_base(settings.model.name, settings.model.weights, paths.BASE)


if __name__ == "__main__":
    command.run(main)
