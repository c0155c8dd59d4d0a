"""The store of frozen layers' output changes how long things take, never what comes out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spampipe.core import environment
from spampipe.data.tokens import TokenTable
from spampipe.models.frozen_trunk import FrozenTrunk, Model, complete_model
from spampipe.models.precision import autocast, has_bf16_units, rounded_weights
from spampipe.training import trunk_pass, trunk_store
from spampipe.training.examples import TokenExamples, TrunkExamples, prepare
from spampipe.training.scoring import class_probabilities
from spampipe.training.trunk_pass import distinct_rows
from tests.pipeline.test_dvc_yaml import imported_modules
from tests.support.label_sets import THREE
from tests.support.project import ROOT
from tests.support.tiny_models import GPT2, make_classifier, make_table

TABLE = make_table(20, seed=4)
CPU = torch.device("cpu")
EVERY_ROW = torch.arange(20)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An empty store."""
    return tmp_path / "store"


def stored(store: Path) -> list[Path]:
    return sorted(path for path in store.glob("*.f32") if not path.name.startswith("."))


def first_value(path: Path) -> float:
    return float(np.fromfile(path, np.float32, offset=64)[0])


def logits(store: Path | None, classifier, table=TABLE, precision="fp32") -> torch.Tensor:
    with torch.no_grad():
        examples = prepare(complete_model(classifier), table, precision, "messages", store)
        return classifier(*examples.inputs(EVERY_ROW))


def forbid_the_trunk(classifier, monkeypatch) -> None:
    def fail(input_ids, lengths):
        raise AssertionError("the trunk was run again")

    monkeypatch.setattr(classifier, "trunk", fail)


def test_parts_of_a_table_share_what_is_computed_of_the_whole(store, monkeypatch):
    classifier, chosen = make_classifier(), np.array([7, 3, 15, 4])
    whole = logits(store, classifier)
    forbid_the_trunk(classifier, monkeypatch)
    part = TABLE.part(chosen)
    with torch.no_grad():
        examples = prepare(complete_model(classifier), part, "fp32", "a part", store)
        found = classifier(*examples.inputs(torch.arange(4)))
    torch.testing.assert_close(found, whole[torch.from_numpy(chosen)], rtol=0, atol=1e-6)
    assert examples.labels.tolist() == TABLE.labels[chosen].tolist()
    assert len(stored(store)) == 1


def test_a_second_use_runs_no_trunk_and_gives_the_same_bits(store, monkeypatch):
    first = logits(store, make_classifier())
    again = make_classifier()
    forbid_the_trunk(again, monkeypatch)
    assert torch.equal(logits(store, again), first)
    (path,) = stored(store)
    assert sorted(store.iterdir()) == sorted((path, path.with_suffix(".lock")))


def test_another_head_shares_the_trunk(store):
    first, second = make_classifier(), make_classifier()
    torch.nn.init.ones_(second.head.weight)
    assert not torch.equal(logits(store, first), logits(store, second))
    assert len(stored(store)) == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda store: logits(store, make_classifier(seed=1)),
        lambda store: logits(store, make_classifier(trainable="last_two_blocks")),
        lambda store: logits(store, make_classifier(causal=False)),
        lambda store: logits(store, make_classifier(position="last")),
        lambda store: logits(store, make_classifier(), table=make_table(20, seed=5)),
        lambda store: logits(store, make_classifier(), precision="bf16"),
    ],
    ids=["weights", "depth", "causality", "position", "tokens", "precision"],
)
def test_what_changes_the_output_changes_its_name(store, other):
    logits(store, make_classifier())
    other(store)
    assert len(stored(store)) == 2


def test_messages_with_the_same_tokens_share_one_output(store):
    repeats = np.array([0, 1, 2, 1, 0, 3])
    table = TokenTable(TABLE.input_ids[repeats], TABLE.lengths[repeats], TABLE.labels[repeats], TABLE.label_set)
    classifier = make_classifier()
    prepared = prepare(complete_model(classifier), table, "fp32", "messages", store)
    assert stored(store)[0].stat().st_size == 64 + int(TABLE.lengths[:4].sum()) * GPT2.hidden_size * 4
    with torch.no_grad():
        reused = classifier(*prepared.inputs(torch.arange(6)))
        plain = classifier(*TokenExamples(complete_model(classifier), table).inputs(torch.arange(6)))
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
        model = Model(classifier, FrozenTrunk(classifier, "this trunk", lambda: loads.append(1)))
        prepare(model, TABLE, "fp32", "messages", store)
    assert loads == [1]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_rounding_weights_beforehand_changes_no_bit_and_is_undone(precision):
    classifier = make_classifier()
    before = {name: tensor.detach().clone() for name, tensor in classifier.named_parameters()}
    rows = torch.from_numpy(TABLE.input_ids).long(), torch.from_numpy(TABLE.lengths).long()
    with torch.no_grad(), autocast(torch.device("cpu"), precision):
        plain = classifier.trunk(*rows)
        with rounded_weights(classifier, precision):
            dtypes = {linear.weight.dtype for linear in classifier.modules() if isinstance(linear, torch.nn.Linear)}
            assert dtypes == {torch.bfloat16 if precision == "bf16" and has_bf16_units(CPU) else torch.float32}
            assert torch.equal(classifier.trunk(*rows), plain)
    for name, tensor in classifier.named_parameters():
        assert torch.equal(tensor, before[name])


def test_deleting_it_costs_time_only(store):
    classifier = make_classifier()
    prepared = prepare(complete_model(classifier), TABLE, "fp32", "messages", store)
    first = classifier(*prepared.inputs(EVERY_ROW))
    for path in store.iterdir():
        path.unlink()
    assert torch.equal(classifier(*prepared.inputs(EVERY_ROW)), first)  # what is open stays readable
    assert torch.equal(logits(store, classifier), first)


def test_a_store_that_cannot_be_written_is_done_without(store, caplog):
    stored_once = logits(store, make_classifier())
    shutil.rmtree(store)
    store.write_text("in the way")
    assert torch.equal(logits(store, make_classifier()), stored_once)
    (warning,) = caplog.messages
    assert warning == f"warning: frozen layers' output is not kept in {store}: File exists"


def test_beyond_the_budget_the_whole_model_runs_each_time(store, monkeypatch):
    classifier = make_classifier()
    reused = prepare(complete_model(classifier), TABLE, "fp32", "messages", store)
    assert isinstance(reused, TrunkExamples)
    monkeypatch.setenv(environment.TRUNK_BYTES, "1000")
    plain = prepare(complete_model(classifier), TABLE, "fp32", "messages", store)
    assert isinstance(plain, TokenExamples)
    answers = [classifier(*prepared.inputs(EVERY_ROW)) for prepared in (plain, reused)]
    torch.testing.assert_close(*answers, atol=1e-5, rtol=1e-5)


def test_the_store_stays_within_its_budget_and_drops_what_was_used_longest_ago(store, monkeypatch):
    def fill(number: int) -> None:
        trunk_store.obtain(store, {"number": number}, (10, 10), lambda array: array.__setitem__(..., number))

    monkeypatch.setenv(environment.TRUNK_BYTES, "1400")  # three arrays of 464 bytes
    for number in range(3):
        fill(number)
    for age, path in enumerate(sorted(stored(store), key=first_value)):
        os.utime(path, ns=(10**9 * (age + 1),) * 2)
    fill(0)  # used again, so that 1 is now the one used longest ago
    fill(3)
    assert sorted(map(first_value, stored(store))) == [0, 2, 3]


def test_two_processes_share_one_computation(tmp_path, store):
    program = (
        "import numpy, sys, time\nfrom pathlib import Path\nfrom spampipe.training import trunk_store\n"
        "def compute(array):\n    Path(sys.argv[1]).open('a').write('x')\n    array[...] = 7\n"
        "found = trunk_store.obtain(Path(sys.argv[2]), {'a': 1}, (1000, 8), compute)\nassert (found == 7).all()\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "computed"), str(store)]
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    assert (tmp_path / "computed").read_text() == "x"


def damage(path: Path, kind: str) -> None:
    """Put something else in the place of a stored output."""
    content = bytearray(path.read_bytes())
    match kind:
        case "flipped":
            middle = len(content) // 2
            content[middle : middle + 4] = bytes(255 - byte for byte in content[middle : middle + 4])
            path.write_bytes(content)
        case "flipped checksum":
            content[0] ^= 1
            path.write_bytes(content)
        case "truncated":
            path.write_bytes(content[:-4])
        case "grown":
            path.write_bytes(content + b"\0" * 4)
        case "empty":
            path.write_bytes(b"")
        case "foreign":  # right, but the output of something else of the same shape
            trunk_store.obtain(path.parent, {"foreign": 1}, TrunkShape, lambda array: None)
            (foreign,) = (other for other in stored(path.parent) if other != path)
            foreign.replace(path)
        case "unreadable":  # also to root
            path.unlink()
            path.mkdir()
            (path / "inside").touch()


TrunkShape = (int(TABLE.lengths.sum()), GPT2.hidden_size)
DAMAGES = ("flipped", "flipped checksum", "truncated", "grown", "empty", "foreign", "unreadable")


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_is_put_aside_with_one_warning_and_made_again(kind, store, caplog):
    first = logits(store, make_classifier())
    (path,) = stored(store)
    damage(path, kind)
    assert torch.equal(logits(store, make_classifier()), first)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [
        f"warning: {path} is damaged, and now called {path.stem}.damaged; its content is computed again"
    ]
    assert path.with_suffix(".damaged").exists()
    caplog.clear()
    assert torch.equal(logits(store, make_classifier()), first)
    assert not caplog.records


@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_changed_byte_is_ever_read(data, store):
    def fill(array: np.ndarray) -> None:
        array[...] = 7

    trunk_store.obtain(store, {"a": 1}, (4, 3), fill)
    (path,) = stored(store)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    assert (trunk_store.obtain(store, {"a": 1}, (4, 3), fill) == 7).all()


def test_a_change_of_the_code_that_computes_makes_old_outputs_stale(store, monkeypatch):
    logits(store, make_classifier())
    monkeypatch.setattr(trunk_pass, "_code_digest", lambda: "of a mended module")
    logits(store, make_classifier())
    assert len(stored(store)) == 2


def test_all_code_that_computes_the_trunk_is_part_of_its_key():
    models = Path("spampipe/models")
    makers = {models / "classifier.py", models / "probe.py", models / "weights.py"}
    makers |= {path.relative_to(ROOT) for path in (ROOT / models / "families").glob("*.py")}
    makers |= {module for maker in makers for module in imported_modules(maker, set()) if models in module.parents}
    makers |= {Path(f"spampipe/training/{name}_pass.py") for name in ("feature", "trunk")}
    computing = [path.relative_to(ROOT) for path in trunk_pass.computing_modules()]
    assert len(computing) == len(set(computing)) and makers <= set(computing)


def test_another_torch_makes_old_outputs_stale(store, monkeypatch):
    logits(store, make_classifier())
    monkeypatch.setattr(torch, "__version__", "99.0")
    logits(store, make_classifier())
    assert len(stored(store)) == 2


def test_what_another_process_is_writing_is_neither_counted_nor_deleted(store, monkeypatch):
    def fill(number: int) -> None:
        trunk_store.obtain(store, {"number": number}, (10, 10), lambda array: array.__setitem__(..., number))

    fill(0)
    (path,) = stored(store)
    others = path.with_name(f".{'0' * 64}.f32.1234567890abcdef.f32")
    others.write_bytes(b"half of it")
    os.utime(others, ns=(1, 1))
    monkeypatch.setenv(environment.TRUNK_BYTES, "1000")  # two arrays of 464 bytes
    for number in (1, 2, 3):
        fill(number)
    assert others.read_bytes() == b"half of it"
    assert len(stored(store)) == 2


def test_what_a_killed_writer_left_is_cleared_by_the_next(store):
    trunk_store.obtain(store, {"a": 1}, (10, 10), lambda array: None)
    (path,) = stored(store)
    abandoned = path.with_name(f".{path.name}.1234567890abcdef.f32")
    path.replace(abandoned)
    trunk_store.obtain(store, {"a": 1}, (10, 10), lambda array: None)
    assert not abandoned.exists() and path.exists()


def test_two_processes_that_find_one_damaged_file_compute_it_once(tmp_path, store):
    program = (
        "import numpy, sys, time\nfrom pathlib import Path\nfrom spampipe.training import trunk_store\n"
        "def compute(array):\n    Path(sys.argv[1]).open('a').write('x')\n    array[...] = 7\n"
        "found = trunk_store.obtain(Path(sys.argv[2]), {'a': 1}, (1000, 8), compute)\nassert (found == 7).all()\n"
    )
    trunk_store.obtain(store, {"a": 1}, (1000, 8), lambda array: array.__setitem__(..., 7))
    damage(stored(store)[0], "flipped")
    command = [sys.executable, "-c", program, str(tmp_path / "computed"), str(store)]
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    assert (tmp_path / "computed").read_text() == "x"


def test_scores_are_the_same_bits_whether_stored_or_not(store):
    model = complete_model(make_classifier())
    computed = class_probabilities(model, TABLE, 4, "fp32", "messages", store)
    found = class_probabilities(model, TABLE, 4, "fp32", "messages", store)
    assert (computed == found).all() and len(stored(store)) == 1
    plain = class_probabilities(model, TABLE, 4, "fp32", "messages")
    np.testing.assert_allclose(plain, computed, atol=1e-6)


def test_scores_are_the_softmax_of_every_output(store):
    classifier, table = make_classifier(num_labels=3), make_table(20, seed=4, labels=THREE)
    found = class_probabilities(complete_model(classifier), table, 7, "fp32", None, store)
    assert found.shape == (20, 3) and found.dtype == np.float64
    expected = logits(store, classifier, table).double().exp()
    expected /= expected.sum(dim=1, keepdim=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    nothing = TokenTable(table.input_ids[:0], table.lengths[:0], table.labels[:0], table.label_set)
    assert class_probabilities(complete_model(classifier), nothing, 7, "fp32", None, store).shape == (0, 3)
