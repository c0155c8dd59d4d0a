"""Base models of any repository of the hub: this project says what transformers says of the same files."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from spampipe import cli
from spampipe.core import environment
from spampipe.core.errors import CheckpointError, FetchError, ParamsError, SpampipeError, WeightsError
from spampipe.models import bases
from spampipe.models.architectures import BaseChoice, DecoderConfig
from spampipe.models.catalogue import HUB_MODELS
from spampipe.models.decoder import Decoder
from spampipe.models.hub_names import HubRepository
from spampipe.models.weights import load_decoder, load_into
from tests.support import hubs
from tests.support.hubs import REVISION, TEXTS, Hub
from tests.support.servers import closed_port

REPOSITORY = "someone/model"
CHOICE = BaseChoice(f"hub:{REPOSITORY}", "pretrained", REVISION)
LAID_OUT = {"config.json", "tokenizer.json", "weights.safetensors"}


@pytest.fixture(scope="module")
def server() -> Iterator[Hub]:
    with hubs.running_hub() as running:
        yield running


@pytest.fixture
def hub(server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub, and a cache of its own."""
    server.server.requests.clear()
    hubs.use(server.server.address, monkeypatch)
    monkeypatch.setenv(environment.CACHE, str(tmp_path / "cache"))
    monkeypatch.delenv(environment.SOURCES, raising=False)
    return server


@dataclass(frozen=True)
class Case:
    """A model as it may lie on the hub."""

    model: Callable[..., PreTrainedModel]
    changes: dict[str, Any]
    dtype: torch.dtype
    shards: bool
    tokenizer: Callable[[], PreTrainedTokenizerFast] = hubs.byte_tokenizer
    padding: int = 0


LINEAR = {"rope_type": "linear", "rope_theta": 3000.0, "factor": 4.0}
CASES = {
    "gpt2": Case(hubs.tiny_gpt2, {}, torch.float32, False),
    "gpt2, untied": Case(hubs.tiny_gpt2, {"tie_word_embeddings": False, "n_inner": 40}, torch.float16, True),
    "llama": Case(
        hubs.tiny_llama,
        {"rms_norm_eps": 1e-3},
        torch.bfloat16,
        True,
        lambda: hubs.byte_tokenizer("<s>"),
        2,
    ),
    "llama, tied": Case(
        hubs.tiny_llama,
        {"tie_word_embeddings": True, "head_dim": 12, "rope_parameters": hubs.LLAMA3_SCALING, "pad_token_id": 5},
        torch.bfloat16,
        False,
        padding=5,
    ),
    "llama, linear": Case(hubs.tiny_llama, {"rope_parameters": LINEAR}, torch.float16, False, padding=2),
    "qwen2": Case(hubs.tiny_qwen2, {"tie_word_embeddings": True}, torch.bfloat16, False, padding=2),
    "qwen2, untied": Case(hubs.tiny_qwen2, {"num_key_value_heads": 4}, torch.float32, True, padding=2),
    "bert": Case(hubs.tiny_bert, {"layer_norm_eps": 1e-3}, torch.float32, False, hubs.word_tokenizer),
    "bert, half": Case(hubs.tiny_bert, {"type_vocab_size": 1}, torch.float16, True, hubs.word_tokenizer),
}


def published(folder: Path, case: Case) -> PreTrainedModel:
    """Write a case's files; the model as transformers reads them."""
    model = case.model(**case.changes)
    hubs.save(folder, model, case.tokenizer(), case.dtype, case.shards)
    return type(model).from_pretrained(folder, dtype=torch.float32).eval()


def llama_on(hub: Hub, folder: Path, entries: dict[str, Any] | None = None, **options: Any) -> Path:
    """Publish a Llama whose config.json has these entries besides."""
    hubs.save(folder, hubs.tiny_llama(), hubs.byte_tokenizer(), **options)
    if entries is not None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | entries))
    hub.publish(REPOSITORY, folder)
    return folder


def refusal(kind: type[SpampipeError], action: Callable[[], object]) -> str:
    """The one line of an error."""
    with pytest.raises(kind) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@torch.no_grad()
def test_logits_and_token_ids_are_those_of_transformers(case: Case, hub: Hub, tmp_path: Path) -> None:
    reference = published(tmp_path / "published", case)
    hub.publish(REPOSITORY, tmp_path / "published")
    folder = tmp_path / "base"
    folder.mkdir()
    for stale in ("weights.gguf", "tokenizer.tiktoken", "config.json"):
        (folder / stale).write_bytes(b"of another model")
    bases.fetch_base(CHOICE, folder)
    assert {path.name for path in folder.iterdir()} == LAID_OUT

    base = bases.base_model(CHOICE, folder)
    tokenizer = base.family.load_tokenizer(folder)
    theirs = AutoTokenizer.from_pretrained(tmp_path / "published")
    ours = tokenizer.encode(TEXTS)
    assert ours == [theirs(text, split_special_tokens=True)["input_ids"] for text in TEXTS]
    assert tokenizer.padding == case.padding
    assert tokenizer.name == "hub:someone/model"

    network = load_decoder(base.family, base.family.weights_path(folder), base.config).eval()
    for row in ours:
        ids = torch.tensor([row])
        if isinstance(network, Decoder):
            found, expected = network.logits(network(ids)), reference(ids).logits
        else:
            found, expected = network(ids), reference.base_model(ids).last_hidden_state
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("older", [True, False])
@pytest.mark.parametrize("parameters", [hubs.LLAMA3_SCALING, LINEAR, None], ids=["llama3", "linear", "default"])
def test_rotary_positions_are_read_from_old_and_new_files(
    parameters: dict[str, Any] | None, older: bool, hub: Hub, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"rope_parameters": None}
    if older:
        changes |= {"rope_theta": 5000.0, "rope_scaling": parameters and dict(parameters)}
        if parameters:
            changes["rope_scaling"]["type"] = changes["rope_scaling"].pop("rope_type")
            del changes["rope_scaling"]["rope_theta"]
    else:
        changes["rope_parameters"] = (parameters or {"rope_type": "default"}) | {"rope_theta": 5000.0}
    llama_on(hub, tmp_path / "published", changes)
    bases.fetch_base(CHOICE, tmp_path / "base")
    found = bases.base_model(CHOICE, tmp_path / "base").config
    assert isinstance(found, DecoderConfig)
    assert found.rotary_base == 5000.0
    scaling = found.rotary_scaling
    assert (scaling and (scaling.kind, scaling.factor)) == (
        parameters and (parameters["rope_type"], parameters["factor"])
    )


def test_what_is_not_needed_is_not_read(hub: Hub, tmp_path: Path) -> None:
    llama_on(hub, tmp_path / "published")
    bases.fetch_base(CHOICE, tmp_path / "base")
    base = bases.base_model(CHOICE, tmp_path / "base")
    path = base.family.weights_path(tmp_path / "base")
    network = base.family.build(base.config, 0.0)
    names = set(network.state_dict())
    kept = {name for name in names if name.startswith("blocks.2.")}
    load_into(network, base.family, path, names - kept)  # its output head is not there, and not asked for
    assert {name for name, tensor in network.state_dict().items() if not tensor.is_meta} == kept
    assert set(base.family.read_weights(path, base.config, names - kept)) == kept | {"output_head.weight"}


def test_scores_of_next_tokens_need_the_output_head(hub: Hub, tmp_path: Path) -> None:
    llama_on(hub, tmp_path / "published")
    bases.fetch_base(CHOICE, tmp_path / "base")
    base = bases.base_model(CHOICE, tmp_path / "base")
    network = load_into(base.family.build(base.config, 0.0), base.family, base.family.weights_path(tmp_path / "base"))
    assert isinstance(network, Decoder)
    with pytest.raises(ValueError, match="output head"):
        network.logits(torch.zeros(1, 32))


def test_random_weights_need_no_published_ones(hub: Hub, tmp_path: Path) -> None:
    folder = llama_on(hub, tmp_path / "published")
    (folder / "model.safetensors").unlink()
    hub.publish(REPOSITORY, folder)
    bases.fetch_base(BaseChoice(CHOICE.name, "random", REVISION), tmp_path / "base")
    assert {path.name for path in (tmp_path / "base").iterdir()} == LAID_OUT - {"weights.safetensors"}
    assert hub.asked_for(".safetensors") == 0


def test_a_text_is_continued_as_by_transformers(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = llama_on(hub, tmp_path / "published")
    reference, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("You have", return_tensors="pt")
    expected = reference.generate(**ids, do_sample=False, min_new_tokens=9, max_new_tokens=9, pad_token_id=2)
    cli.main(["generate", "You have", "--model", CHOICE.name, "--revision", REVISION, "--tokens", "9"])
    assert capsys.readouterr().out == tokenizer.decode(expected[0], skip_special_tokens=True) + "\n"


# --- tokenizers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"pad_token_id": 7, "eos_token_id": 2}, 7),
        ({"pad_token_id": None, "eos_token_id": [4, 2]}, 4),
        ({"pad_token_id": -1, "eos_token_id": 2}, 2),
        ({"pad_token_id": 320, "eos_token_id": None}, 0),
    ],
)
def test_padding_is_an_id_that_the_model_has(
    entries: dict[str, Any], expected: int, hub: Hub, tmp_path: Path
) -> None:
    llama_on(hub, tmp_path / "published", entries)
    bases.fetch_base(CHOICE, tmp_path / "base")
    family = bases.base_model(CHOICE, tmp_path / "base").family
    assert family.padding == family.load_tokenizer(tmp_path / "base").padding == expected


def test_a_tokenizer_with_more_ids_than_the_model_is_refused(hub: Hub, tmp_path: Path) -> None:
    llama_on(hub, tmp_path / "published", {"vocab_size": 200})
    message = refusal(CheckpointError, lambda: bases.fetch_base(CHOICE, tmp_path / "base"))
    assert message.startswith("hub:someone/model/tokenizer.json: gives ids up to 2")
    assert "but vocab_size is 200" in message


def test_a_damaged_tokenizer_is_refused(hub: Hub, tmp_path: Path) -> None:
    folder = llama_on(hub, tmp_path / "published")
    (folder / "tokenizer.json").write_text("{}")
    hub.publish(REPOSITORY, folder)
    message = refusal(CheckpointError, lambda: bases.fetch_base(CHOICE, tmp_path / "base"))
    assert message.startswith("hub:someone/model/tokenizer.json: cannot be used; choose another revision")


# --- what this project has not -------------------------------------------------------------------------------

FOREIGN: list[tuple[dict[str, Any], str]] = [
    ({"model_type": "mistral"}, "model_type mistral is not supported; choose a model of bert, gpt2, llama, qwen2"),
    ({"model_type": "mistral", "sliding_window": 4096}, "sliding_window 4096 is not supported"),
    (
        {"model_type": "mixtral", "num_local_experts": 8},
        "num_local_experts 8 (a mixture of experts) is not supported",
    ),
    ({"model_type": None}, "model_type None is not supported"),
    ({"layer_types": ["full_attention", "sliding_attention"]}, "layer_types sliding_attention is not supported"),
    ({"hidden_act": "relu"}, 'hidden_act "relu" is not supported'),
    ({"attention_bias": True}, "attention_bias true is not supported"),
    ({"mlp_bias": True}, "mlp_bias true is not supported"),
    ({"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, "rope_type yarn is not supported"),
    ({"rope_parameters": None, "rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope_type dynamic is not"),
    ({"rope_parameters": {"rope_type": "linear"}}, "factor is None, not a number above 0"),
    ({"partial_rotary_factor": 0.5}, "partial_rotary_factor 0.5 is not supported"),
    (
        {"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}},
        "partial_rotary_factor is not supported",
    ),
    ({"quantization_config": {"bits": 4}}, 'quantization_config {"bits": 4} (quantized weights) is not supported'),
    ({"logits_scaling": 8.0}, "logits_scaling 8.0 (scaled logits) is not supported"),
    ({"embedding_multiplier": 12}, "embedding_multiplier 12 (scaled embeddings) is not supported"),
    ({"add_cross_attention": True}, "add_cross_attention true (cross attention) is not supported"),
    ({"is_encoder_decoder": True}, "is_encoder_decoder true (an encoder with a decoder) is not supported"),
    ({"num_key_value_heads": 3}, "4 heads of width 8 with 3 key and value heads are not supported"),
    ({"hidden_size": "big"}, "hidden_size is big, not a size"),
    ({"max_position_embeddings": None}, "max_position_embeddings is None, not a size"),
    ({"rms_norm_eps": 0}, "rms_norm_eps is 0, not a number above 0"),
    ({"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 16}, "sliding_window 16 is not supported"),
]


@pytest.mark.parametrize(("entries", "expected"), FOREIGN, ids=[str(number) for number in range(len(FOREIGN))])
def test_a_feature_that_is_not_there_is_named_before_weights_are_fetched(
    entries: dict[str, Any], expected: str, hub: Hub, tmp_path: Path
) -> None:
    llama_on(hub, tmp_path / "published", entries)
    message = refusal(CheckpointError, lambda: bases.fetch_base(CHOICE, tmp_path / "base"))
    assert message.startswith(f"hub:someone/model/config.json: {expected}")
    assert hub.asked_for(".safetensors") == 0
    assert not list((tmp_path / "base").iterdir())


@pytest.mark.parametrize(
    ("model", "entries", "expected"),
    [
        (hubs.tiny_gpt2, {"activation_function": "relu"}, 'activation_function "relu" is not supported'),
        (hubs.tiny_gpt2, {"scale_attn_weights": False}, "scale_attn_weights false is not supported"),
        (hubs.tiny_gpt2, {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx true is not"),
        (hubs.tiny_gpt2, {"n_head": 5}, "n_head 5 does not divide 32"),
        (hubs.tiny_bert, {"hidden_act": "gelu_new"}, 'hidden_act "gelu_new" is not supported'),
        (hubs.tiny_bert, {"is_decoder": True}, "is_decoder true is not supported"),
        (
            hubs.tiny_bert,
            {"position_embedding_type": "relative_key"},
            'position_embedding_type "relative_key" is not',
        ),
    ],
)
def test_each_family_names_what_it_has_not(
    model: Callable[[], PreTrainedModel], entries: dict[str, Any], expected: str, hub: Hub, tmp_path: Path
) -> None:
    folder = hubs.save(tmp_path / "published", model(), hubs.byte_tokenizer())
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))
    hub.publish(REPOSITORY, folder)
    assert expected in refusal(CheckpointError, lambda: bases.fetch_base(CHOICE, tmp_path / "base"))


@pytest.mark.parametrize(
    "entries",
    [
        {"model_type": "qwen2", "use_sliding_window": False, "sliding_window": 16},
        {"sliding_window": None, "rope_scaling": None, "quantization_config": None, "num_experts": 0},
        {"pretraining_tp": 1, "transformers.js_config": {"dtype": "q4"}, "rope_interleaved": False},
    ],
)
def test_features_that_are_not_used_do_not_matter(entries: dict[str, Any], hub: Hub, tmp_path: Path) -> None:
    llama_on(hub, tmp_path / "published", entries)
    bases.fetch_base(CHOICE, tmp_path / "base")
    assert {path.name for path in (tmp_path / "base").iterdir()} == LAID_OUT


@pytest.mark.parametrize("content", ["", "{", "[]", "null"])
def test_a_damaged_configuration_is_refused(content: str, hub: Hub, tmp_path: Path) -> None:
    folder = llama_on(hub, tmp_path / "published")
    (folder / "config.json").write_text(content)
    hub.publish(REPOSITORY, folder)
    message = refusal(CheckpointError, lambda: bases.fetch_base(CHOICE, tmp_path / "base"))
    assert message.startswith("hub:someone/model/config.json: not ")


# --- revisions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        (None, f"hub:someone/model needs the full hash of a commit; set it to {REVISION}, the newest"),
        ("main", f"main is no full hash of a commit of hub:someone/model; set it to {REVISION}, where it points now"),
        ("0123456", f"0123456 is no full hash of a commit of hub:someone/model; set it to {REVISION}, where it"),
        ("no-such-branch", "no-such-branch is no full hash of a commit of hub:someone/model; the hub could not be"),
        (REVISION.upper(), f"{REVISION.upper()} is no full hash of a commit"),
    ],
)
@pytest.mark.parametrize("action", [bases.fetch_base, lambda choice, folder: bases.cached_base(choice)])
def test_only_a_full_hash_of_a_commit_is_a_revision(
    action: Callable[[BaseChoice, Path], object], revision: str | None, expected: str, hub: Hub, tmp_path: Path
) -> None:
    llama_on(hub, tmp_path / "published")
    choice = BaseChoice(CHOICE.name, "pretrained", revision)
    message = refusal(ParamsError, lambda: action(choice, tmp_path / "base"))
    assert message.startswith(f"model.revision: {expected}")


def test_a_hub_out_of_reach_is_told_with_the_place_to_look(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{closed_port()}"
    hubs.use(address, monkeypatch)
    choice = BaseChoice(CHOICE.name, "pretrained", None)
    message = refusal(ParamsError, lambda: bases.fetch_base(choice, tmp_path / "base"))
    assert message == (
        "model.revision: hub:someone/model needs the full hash of a commit; the hub could not be asked for one "
        f"(Connection refused), {address}/someone/model/commits/main lists them"
    )
    message = refusal(FetchError, lambda: bases.fetch_base(CHOICE, tmp_path / "base"))
    assert message.startswith(f"hub:someone/model: commit {REVISION} could not be looked up at the hub (Connection")


def test_an_unknown_commit_is_refused(hub: Hub, tmp_path: Path) -> None:
    llama_on(hub, tmp_path / "published")
    choice = BaseChoice(CHOICE.name, "pretrained", "f" * 40)
    assert "could not be looked up at the hub" in refusal(
        FetchError, lambda: bases.fetch_base(choice, tmp_path / "base")
    )


# --- files ---------------------------------------------------------------------------------------------------


def test_a_missing_shard_is_named(hub: Hub, tmp_path: Path) -> None:
    folder = llama_on(hub, tmp_path / "published", shards=True)
    gone = sorted(folder.glob("*.safetensors"))[1]
    gone.unlink()
    hub.publish(REPOSITORY, folder)
    message = refusal(FetchError, lambda: bases.fetch_base(CHOICE, tmp_path / "base"))
    assert message == (f"hub:someone/model: has no {gone.name} in commit {REVISION}; choose a revision that has it")
    assert hub.asked_for(".safetensors") == 0


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(name: str, hub: Hub, tmp_path: Path) -> None:
    folder = llama_on(hub, tmp_path / "published")
    (folder / name).unlink()
    hub.publish(REPOSITORY, folder)
    message = refusal(FetchError, lambda: bases.fetch_base(CHOICE, tmp_path / "base"))
    assert message == f"hub:someone/model: has no {name} in commit {REVISION}; choose a revision that has it"


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_altered_bytes_are_refused(name: str, hub: Hub, tmp_path: Path) -> None:
    folder = llama_on(hub, tmp_path / "published")
    altered = bytearray((folder / name).read_bytes())
    altered[-2] ^= 1
    hub.publish(REPOSITORY, folder, altered={name: bytes(altered)})
    message = refusal(FetchError, lambda: bases.fetch_base(CHOICE, tmp_path / "base"))
    assert f"hub:someone/model/{name} could not be fetched" in message and "refused" in message


@pytest.mark.parametrize(
    "index",
    ["", "{}", '{"weight_map": {}}', '{"weight_map": {"a": "../../evil.safetensors"}}', '{"weight_map": [1]}'],
)
def test_a_damaged_list_of_shards_is_refused(index: str, hub: Hub, tmp_path: Path) -> None:
    folder = llama_on(hub, tmp_path / "published", shards=True)
    (folder / "model.safetensors.index.json").write_text(index)
    hub.publish(REPOSITORY, folder)
    message = refusal(CheckpointError, lambda: bases.fetch_base(CHOICE, tmp_path / "base"))
    assert message.startswith("hub:someone/model/model.safetensors.index.json: no list of shards")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda state: state.pop("model.norm.weight"), "tensor final_norm.weight is missing"),
        (lambda state: state.update(extra=torch.ones(2)), "unknown tensor extra"),
        (lambda state: state.update({"model.norm.weight": torch.ones(2)}), "tensor final_norm.weight has shape (2,)"),
        (lambda state: state.update({"model.norm.weight": torch.ones(32).int()}), "is stored as torch.int32"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    change: Callable[[dict[str, torch.Tensor]], object], expected: str, hub: Hub, tmp_path: Path
) -> None:
    folder = llama_on(hub, tmp_path / "published")
    state = load_file(folder / "model.safetensors")
    change(state)
    save_file(state, folder / "model.safetensors")
    hub.publish(REPOSITORY, folder)
    bases.fetch_base(CHOICE, tmp_path / "base")
    base = bases.base_model(CHOICE, tmp_path / "base")
    path = base.family.weights_path(tmp_path / "base")
    assert expected in refusal(WeightsError, lambda: load_decoder(base.family, path, base.config))


def test_constants_that_older_files_hold_are_passed_over(hub: Hub, tmp_path: Path) -> None:
    folder = llama_on(hub, tmp_path / "published")
    state = load_file(folder / "model.safetensors")
    save_file(state | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}, folder / "model.safetensors")
    hub.publish(REPOSITORY, folder)
    bases.fetch_base(CHOICE, tmp_path / "base")
    base = bases.base_model(CHOICE, tmp_path / "base")
    load_decoder(base.family, base.family.weights_path(tmp_path / "base"), base.config)


def test_a_folder_without_its_configuration_is_refused(hub: Hub, tmp_path: Path) -> None:
    assert "config.json: no such file; run `dvc repro download`" in refusal(
        CheckpointError, lambda: bases.base_model(CHOICE, tmp_path)
    )


# --- the cache -----------------------------------------------------------------------------------------------


def test_a_base_is_kept_for_each_commit_and_needs_the_hub_once(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = llama_on(hub, tmp_path / "published", shards=True)
    first = bases.cached_base(CHOICE)
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    hubs.save(tmp_path / "newer", hubs.tiny_qwen2(), hubs.byte_tokenizer())
    hub.publish(REPOSITORY, tmp_path / "newer", "f" * 40)
    other = bases.cached_base(BaseChoice(CHOICE.name, "pretrained", "f" * 40))
    assert other != first
    hubs.use(f"http://127.0.0.1:{closed_port()}", monkeypatch)
    assert bases.cached_base(CHOICE) == first
    assert {path.name: path.read_bytes() for path in first.iterdir()} == before
    shutil.rmtree(first)
    bases.cached_base(CHOICE)  # from the verified files
    for name in LAID_OUT:
        assert (first / name).read_bytes() == before[name]
    reference = AutoModel.from_pretrained(folder)
    assert reference.config.model_type == "llama"


def test_a_file_can_come_from_a_place_of_the_users_own(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = llama_on(hub, tmp_path / "published")
    hub.publish(REPOSITORY, folder, altered={"model.safetensors": b"not to be had here"})
    (tmp_path / "places.yaml").write_text(f"hub:{REPOSITORY}/model.safetensors: {folder}/model.safetensors\n")
    monkeypatch.setenv(environment.SOURCES, str(tmp_path / "places.yaml"))
    bases.fetch_base(CHOICE, tmp_path / "base")
    laid_out = (tmp_path / "base" / "weights.safetensors").read_bytes()
    assert laid_out == (folder / "model.safetensors").read_bytes()


def test_a_name_of_the_catalogue_stands_for_a_commit(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    llama_on(hub, tmp_path / "published")
    monkeypatch.setitem(HUB_MODELS, "smollm2-360m", HubRepository(REPOSITORY, REVISION))
    folder = bases.cached_base(BaseChoice("smollm2-360m", "pretrained"))
    assert {path.name for path in folder.iterdir()} > LAID_OUT
    assert all(len(repository.revision or "") == 40 for repository in HUB_MODELS.values())
