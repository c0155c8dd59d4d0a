"""A model hub on this machine, with small models as transformers saves them."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from tests.support.servers import FileServer, Reply, sha256
from tests.support.tiny_models import randomize

REVISION = "0123456789abcdef0123456789abcdef01234567"
TEXTS = [
    "You have won a prize! Call now to claim it.",
    "Are we still meeting for lunch today?",
    "ok",
    "Grüße aus Köln 🎉\n\tund  </s> <|endoftext|> [SEP]",
]
_SIZES = {"vocab_size": 320, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3}
_HEADS = {"num_attention_heads": 4, "max_position_embeddings": 64}
_ROTARY = {**_SIZES, **_HEADS, "num_key_value_heads": 2, "bos_token_id": 1, "eos_token_id": 2}
LLAMA3_SCALING = {
    "rope_type": "llama3",
    "rope_theta": 5000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}


def tiny_gpt2(**changes: Any) -> PreTrainedModel:
    """GPT-2 of three layers, whose end of text has the id 0."""
    sizes = {"vocab_size": 320, "n_positions": 64, "n_embd": 32, "n_layer": 3, "n_head": 4}
    return _random(GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0, **changes)))


def tiny_llama(**changes: Any) -> PreTrainedModel:
    """Llama of three layers."""
    return _random(LlamaForCausalLM(LlamaConfig(**_ROTARY | changes)))


def tiny_qwen2(**changes: Any) -> PreTrainedModel:
    """Qwen2 of three layers."""
    return _random(Qwen2ForCausalLM(Qwen2Config(**_ROTARY | changes)))


def tiny_bert(**changes: Any) -> PreTrainedModel:
    """BERT of three layers, with the head that it was pretrained with."""
    return _random(BertForMaskedLM(BertConfig(**_SIZES | _HEADS | changes)))


def byte_tokenizer(begin: str | None = None) -> PreTrainedTokenizerFast:
    """A byte-level BPE, as GPT-2, Llama 3 and Qwen2 have it.

    Args:
        begin: the special token that the tokenizer.json puts before each text; None for none.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|endoftext|>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    if begin is not None:
        number = tokenizer.token_to_id(begin)
        tokenizer.post_processor = processors.TemplateProcessing(
            single=[begin, "$A"], special_tokens=[(begin, number)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


def word_tokenizer() -> PreTrainedTokenizerFast:
    """BERT's WordPiece."""
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=list(special.values()), show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", tokenizer.token_to_id("[SEP]")), ("[CLS]", tokenizer.token_to_id("[CLS]"))
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def save(
    folder: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    dtype: torch.dtype = torch.float32,
    shards: bool = False,
) -> Path:
    """Write a model's files as they are published.

    Args:
        folder: receives them.
        model: is changed to the kind of numbers that is stored.
        tokenizer: its own.
        dtype: what the tensors are stored as.
        shards: whether they lie in several files.
    """
    model.to(dtype).save_pretrained(folder, max_shard_size="24KB" if shards else "1GB")
    assert (len(list(folder.glob("*.safetensors"))) > 1) == shards
    tokenizer.save_pretrained(folder)
    return folder


class Hub:
    """What the hub answers about repositories: the current commit, what it holds, and its files."""

    def __init__(self, server: FileServer) -> None:
        self.server = server

    def publish(
        self, repository: str, folder: Path, revision: str = REVISION, altered: Mapping[str, bytes] | None = None
    ) -> None:
        """Make a commit, to which `main` then points.

        Args:
            repository: as in `owner/name`.
            folder: holds the files.
            revision: the commit's hash.
            altered: bytes that are served instead of a file's own, under the file's own hash.
        """
        names = sorted(path.name for path in folder.iterdir())
        answer = {"id": repository, "sha": revision, "siblings": [{"rfilename": name} for name in names]}
        reply = Reply(json.dumps(answer).encode(), headers={"Content-Type": "application/json"})
        for place in ("", "/revision/main", f"/revision/{revision}", f"/revision/{revision[:7]}"):
            self.server.serve(f"/api/models/{repository}{place}", reply)
        for name in names:
            data = (folder / name).read_bytes()
            etag = sha256(data) if name.endswith(".safetensors") else _git_hash(data)
            headers = {"ETag": f'"{etag}"', "X-Repo-Commit": revision, "Accept-Ranges": "bytes"}
            if name.endswith(".safetensors"):
                headers |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(data))}
            body = (altered or {}).get(name, data)
            self.server.serve(f"/{repository}/resolve/{revision}/{name}", Reply(body, headers=headers))

    def asked_for(self, ending: str) -> int:
        """How often files whose names end so were asked for."""
        return sum(request.path.endswith(ending) for request in self.server.requests)


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub that nothing is published on yet."""
    with FileServer() as server:
        yield Hub(server)


def use(address: str, patch: pytest.MonkeyPatch) -> None:
    """Have this process and those it starts ask the hub at this address, as HF_ENDPOINT does for a new one.

    Args:
        address: of the server.
        patch: takes it back after the test.
    """
    patch.setenv("HF_ENDPOINT", address)
    patch.setenv("NO_PROXY", "127.0.0.1")
    patch.setattr(constants, "ENDPOINT", address)
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")


def _random(model: PreTrainedModel) -> PreTrainedModel:
    randomize(model, 3)
    return model.eval()


def _git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
