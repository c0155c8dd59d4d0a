"""The TREC questions, as published."""

from collections import Counter
from pathlib import Path

import pytest

from spampipe.data import catalogue, collection, messages
from spampipe.data.datasets import trec
from spampipe.models import bases

COARSE = {"ABBR": 86, "DESC": 1162, "ENTY": 1250, "HUM": 1223, "LOC": 835, "NUM": 896}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, str]]]:
    """Label and text of each question of both data sets."""
    found = {}
    for name in ("trec-questions", "trec-questions-fine"):
        path: Path = tmp_path_factory.mktemp("trec") / "messages.tsv"
        labels = collection.fetch_messages(name, path, path.parent, known=bases.PINS)
        table = messages.parse(path.read_bytes(), path, labels)
        found[name] = list(zip(labels.names_of(table["Label"].to_numpy()).tolist(), table["Text"], strict=True))
    return found


def test_the_questions_are_those_of_the_paper(real: dict[str, list[tuple[str, str]]]) -> None:
    questions = real["trec-questions"]
    assert Counter(label for label, _ in questions) == COARSE
    assert len({text for _, text in questions}) == 5381
    assert questions[0] == ("DESC", "How did serfdom develop in and then leave Russia ?")
    assert questions[-1] == ("ENTY", "What currency is used in Australia ?")


def test_finer_labels_are_of_the_same_questions(real: dict[str, list[tuple[str, str]]]) -> None:
    fine, coarse = real["trec-questions-fine"], real["trec-questions"]
    assert [(label.partition(":")[0], text) for label, text in fine] == coarse
    counts = Counter(label for label, _ in fine)
    assert (len(counts), counts["HUM:ind"], counts["LOC:city"], min(counts.values())) == (50, 962, 129, 4)


def test_both_data_sets_are_of_one_file() -> None:
    assert catalogue.DATASETS["trec-questions"].pin is catalogue.DATASETS["trec-questions-fine"].pin
    assert [pin.name for pin in bases.PINS].count("trec-questions") == 1
    assert all(dataset.labels.positive is None for dataset in (trec.COARSE, trec.FINE))


def test_only_the_last_lines_are_the_training_set() -> None:
    published = b"LOC:city part of it ?\n" * 3 + b'NUM:date "When" was it ?\n' * 5452
    assert trec.fine(published).count(b"\n") == 5452
    assert trec.coarse(published).splitlines()[0] == b'NUM\t"""When"" was it ?"'
