"""The store of frozen layers' output changes how long things take, never what comes out."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spampipe import trunk_store
from spampipe.compute import autocast, rounded_weights
from spampipe.errors import ParamsError
from spampipe.examples import TokenExamples, TrunkExamples, distinct_rows, prepare
from spampipe.scoring import spam_probabilities
from spampipe.tokens import TokenTable
from tests.conftest import ROOT
from tests.tiny_models import GPT2, make_classifier, make_table

TABLE = make_table(20, seed=4)
EVERY_ROW = torch.arange(20)


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path / ".spampipe" / "trunk"


def stored(store: Path) -> list[Path]:
    return sorted(store.glob("*.f32"))


def logits(classifier, table=TABLE, precision="fp32") -> torch.Tensor:
    with torch.no_grad():
        return classifier(*prepare(classifier, table, precision, "messages").inputs(EVERY_ROW))


def forbid_the_trunk(classifier, monkeypatch) -> None:
    def fail(input_ids):
        raise AssertionError("the trunk was run again")

    monkeypatch.setattr(classifier, "trunk", fail)


def test_a_second_use_runs_no_trunk_and_gives_the_same_bits(store, monkeypatch):
    first = logits(make_classifier())
    again = make_classifier()
    forbid_the_trunk(again, monkeypatch)
    assert torch.equal(logits(again), first)
    assert len(stored(store)) == 1
    assert not list(store.glob("*.partial"))


def test_another_head_shares_the_trunk(store):
    first, second = make_classifier(), make_classifier()
    torch.nn.init.ones_(second.head.weight)
    assert not torch.equal(logits(first), logits(second))
    assert len(stored(store)) == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda: logits(make_classifier(seed=1)),
        lambda: logits(make_classifier(trainable="last_two_blocks")),
        lambda: logits(make_classifier(causal=False)),
        lambda: logits(make_classifier(position="last")),
        lambda: logits(make_classifier(), table=make_table(20, seed=5)),
        lambda: logits(make_classifier(), precision="bf16"),
    ],
    ids=["weights", "depth", "causality", "position", "tokens", "precision"],
)
def test_what_changes_the_output_changes_its_name(store, other):
    logits(make_classifier())
    other()
    assert len(stored(store)) == 2


def test_messages_with_the_same_tokens_share_one_output(store):
    repeats = np.array([0, 1, 2, 1, 0, 3])
    table = TokenTable(TABLE.input_ids[repeats], TABLE.lengths[repeats], TABLE.labels[repeats])
    classifier = make_classifier()
    examples = prepare(classifier, table, "fp32", "messages")
    assert stored(store)[0].stat().st_size == int(TABLE.lengths[:4].sum()) * GPT2.hidden_size * 4
    with torch.no_grad():
        reused = classifier(*examples.inputs(torch.arange(6)))
        plain = classifier(*TokenExamples(classifier, table).inputs(torch.arange(6)))
    torch.testing.assert_close(reused, plain, atol=1e-5, rtol=1e-5)
    assert torch.equal(reused[0], reused[4]) and torch.equal(reused[1], reused[3])


@given(
    rows=st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=1, max_size=30),
    data=st.data(),
)
def test_every_row_is_its_representative_up_to_its_length(rows, data):
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=len(rows), max_size=len(rows)))
    first, copy_of = distinct_rows(torch.tensor(rows, dtype=torch.int32), torch.tensor(lengths))
    texts = [tuple(row[:length]) for row, length in zip(rows, lengths, strict=True)]
    assert [texts[first[place]] for place in copy_of] == texts
    assert len(first) == len(set(texts))


def test_a_found_output_needs_no_trunk_tensors(store):
    loads = []
    for _ in range(2):
        classifier = make_classifier()
        classifier.defer_trunk("this trunk", lambda: loads.append(1))
        logits(classifier)
    assert loads == [1]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_rounding_weights_beforehand_changes_no_bit_and_is_undone(precision):
    classifier = make_classifier()
    before = {name: tensor.detach().clone() for name, tensor in classifier.named_parameters()}
    input_ids = torch.from_numpy(TABLE.input_ids).long()
    with torch.no_grad(), autocast(torch.device("cpu"), precision):
        plain = classifier.trunk(input_ids)
        with rounded_weights(classifier, precision):
            dtypes = {linear.weight.dtype for linear in classifier.modules() if isinstance(linear, torch.nn.Linear)}
            assert dtypes == {torch.bfloat16 if precision == "bf16" else torch.float32}
            assert torch.equal(classifier.trunk(input_ids), plain)
    for name, tensor in classifier.named_parameters():
        assert torch.equal(tensor, before[name])


def test_deleting_it_costs_time_only(store):
    classifier = make_classifier()
    examples = prepare(classifier, TABLE, "fp32", "messages")
    first = classifier(*examples.inputs(EVERY_ROW))
    for path in store.iterdir():
        path.unlink()
    assert torch.equal(classifier(*examples.inputs(EVERY_ROW)), first)  # what is open stays readable
    assert torch.equal(logits(classifier), first)


def test_a_file_cut_short_is_made_again(store):
    first = logits(make_classifier())
    (path,) = stored(store)
    path.write_bytes(path.read_bytes()[:-4])
    assert torch.equal(logits(make_classifier()), first)


def test_a_store_that_cannot_be_written_is_done_without(store, caplog):
    store.parent.mkdir(parents=True)
    store.write_text("in the way")
    assert torch.equal(logits(make_classifier()), logits(make_classifier()))


def test_beyond_the_budget_the_whole_model_runs_each_time(store, monkeypatch):
    classifier = make_classifier()
    reused = prepare(classifier, TABLE, "fp32", "messages")
    assert isinstance(reused, TrunkExamples)
    monkeypatch.setenv(trunk_store.BUDGET_VARIABLE, "1000")
    plain = prepare(classifier, TABLE, "fp32", "messages")
    assert isinstance(plain, TokenExamples)
    answers = [classifier(*examples.inputs(EVERY_ROW)) for examples in (plain, reused)]
    torch.testing.assert_close(*answers, atol=1e-5, rtol=1e-5)


def test_the_store_stays_within_its_budget_and_drops_what_was_used_longest_ago(store, monkeypatch):
    def fill(number: int) -> None:
        trunk_store.obtain({"number": number}, (10, 10), lambda array: array.__setitem__(..., number))

    monkeypatch.setenv(trunk_store.BUDGET_VARIABLE, "1200")  # three arrays of 400 bytes
    for number in range(3):
        fill(number)
    for age, path in enumerate(sorted(stored(store), key=lambda path: np.fromfile(path, np.float32)[0])):
        os.utime(path, ns=(10**9 * (age + 1),) * 2)
    fill(0)  # used again, so that 1 is now the one used longest ago
    fill(3)
    assert sorted(float(np.fromfile(path, np.float32)[0]) for path in stored(store)) == [0, 2, 3]


@pytest.mark.parametrize("value", ["", "-1", "2 GB", "1.5"])
def test_a_bad_budget_is_one_line(value, monkeypatch):
    monkeypatch.setenv(trunk_store.BUDGET_VARIABLE, value)
    with pytest.raises(ParamsError, match=rf"^{trunk_store.BUDGET_VARIABLE}: must be a number of bytes"):
        trunk_store.budget_bytes()


def test_two_processes_share_one_computation(tmp_path, store):
    program = (
        "import numpy, sys, time\nfrom pathlib import Path\nfrom spampipe import trunk_store\n"
        "def compute(array):\n    Path(sys.argv[1]).open('a').write('x')\n    array[...] = 7\n"
        "found = trunk_store.obtain({'a': 1}, (1000, 8), compute)\nassert (found == 7).all()\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "computed")]
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    assert (tmp_path / "computed").read_text() == "x"


def test_scores_are_the_same_bits_whether_stored_or_not(store):
    classifier = make_classifier()
    computed = spam_probabilities(classifier, TABLE, 4, "fp32", "messages", reuse_trunk=True)
    found = spam_probabilities(classifier, TABLE, 4, "fp32", "messages", reuse_trunk=True)
    assert (computed == found).all()
    plain = spam_probabilities(classifier, TABLE, 4, "fp32", "messages")
    np.testing.assert_allclose(plain, computed, atol=1e-6)
