"""The real MiniLM-L6: hidden states and token ids are those of transformers, and it learns, is kept and answers."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from tokenizers import Tokenizer as PublishedTokenizer
from transformers import BertConfig, BertModel, BertTokenizerFast

from spampipe import cli
from spampipe.classifiers import catalogue, decision
from spampipe.classifiers.decision import Decision
from spampipe.classifiers.neural import NeuralClassifier
from spampipe.classifiers.settings import ModelParams
from spampipe.classifiers.text_classifier import Split
from spampipe.core.workspace import Workspace
from spampipe.data import messages
from spampipe.data.tokenizer import Tokenizer
from spampipe.models.catalogue import BASE_MODELS
from spampipe.models.weights import load_decoder
from tests.support import tiny_training
from tests.support.label_sets import THREE, TWO
from tests.support.project import committed

MODEL = BASE_MODELS["minilm-l6"]
SENTENCES = [
    "Every effort moves you",
    "You are a winner! You have been specially selected to receive $1000 cash or a $2000 award.",
    "Müller's café: 50% off 🎉\n\n\tText WIN to 80086, £1.50/msg",
    "ok",
    "a long one, " * 60,
]
ODD = [
    *(
        "",
        " ",
        "\n\t",
        "\x00\x07\x1b[0m",
        "a\x00b",
        "\u200b\u200d\ufeff",
        "e\u0301 é É",
        "ß ẞ İ \u0131",
        "\u2028line",
    ),
    *("日本語のテキスト", "한국어 텍스트", "שלום עולם", "مرحبا", "👩‍👩‍👧‍👦🇩🇪🏴󠁧󠁢󠁥󠁮󠁧󠁿", "ⅷ ½ ﬁ", "\U00020000"),
    *("[SEP]", "[CLS] a [SEP] b [PAD]", "[MASK]ed [UNK]", "[sep]", "##ing", "<|endoftext|>", "x" * 300),
]


@pytest.fixture(scope="module")
def tokenizer(minilm_base: Path) -> Tokenizer:
    return MODEL.family.load_tokenizer(minilm_base)


@pytest.fixture(scope="module")
def published_tokenizer(minilm_base: Path, tmp_path_factory: pytest.TempPathFactory) -> BertTokenizerFast:
    """What transformers makes of the vocabulary alone, by its own rules for BERT."""
    file = PublishedTokenizer.from_file(str(MODEL.family.tokenizer_path(minilm_base)))
    vocabulary = file.get_vocab()
    folder = tmp_path_factory.mktemp("vocabulary")
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in sorted(vocabulary, key=vocabulary.__getitem__)))
    return BertTokenizerFast.from_pretrained(folder)


@pytest.fixture(scope="module")
def reference(minilm_base: Path) -> BertModel:
    """The shape is that of the published config.json."""
    shape = BertConfig(
        vocab_size=30522,
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        max_position_embeddings=512,
        type_vocab_size=2,
        layer_norm_eps=1e-12,
        hidden_act="gelu",
    )
    model = BertModel(shape)
    state = load_file(MODEL.family.weights_path(minilm_base))
    del state["embeddings.position_ids"]
    model.load_state_dict(state)
    return model.eval()


@pytest.fixture
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.mark.usefixtures("_no_gradients")
def test_hidden_states_of_a_padded_batch(tokenizer, reference, minilm_base):
    rows = tokenizer.encode(SENTENCES)
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.full((len(rows), int(lengths.max())), tokenizer.padding)
    for place, row in zip(ids, rows, strict=True):
        place[: len(row)] = torch.tensor(row)
    real = torch.arange(ids.shape[1]) < lengths[:, None]
    encoder = load_decoder(MODEL.family, MODEL.family.weights_path(minilm_base), MODEL.config).eval()
    expected = reference(ids, attention_mask=real.long()).last_hidden_state
    torch.testing.assert_close(encoder(ids, real=real)[real], expected[real], atol=1e-5, rtol=1e-5)


def ids_of(published: BertTokenizerFast, texts: list[str]) -> list[list[int]]:
    """What looks like a special token in a text is ordinary text."""
    return published(texts, split_special_tokens=True)["input_ids"]


def test_real_texts_are_split_as_transformers_does(tokenizer, published_tokenizer, raw_messages):
    texts = messages.parse(raw_messages.read_bytes(), raw_messages, TWO)["Text"].unique().tolist()
    assert tokenizer.encode(texts) == ids_of(published_tokenizer, texts)


def test_odd_texts_are_split_as_transformers_does(tokenizer, published_tokenizer):
    assert tokenizer.encode(ODD) == ids_of(published_tokenizer, ODD)
    for row in tokenizer.encode(ODD):
        assert (row[0], row[-1]) == (101, 102) and not {101, 102, 103} & set(row[1:-1])  # [CLS], [SEP], [MASK]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_text_is_split_as_transformers_does(tokenizer, published_tokenizer, texts):
    assert tokenizer.encode(texts) == (ids_of(published_tokenizer, texts) if texts else [])


def test_long_texts_are_not_cut_here(tokenizer):
    """The published file would cut at 128 tokens."""
    assert [len(row) for row in tokenizer.encode(["word " * 700])] == [702]


def test_the_tokenizer_is_the_catalogues(tokenizer):
    assert (
        (tokenizer.name, tokenizer.padding) == (MODEL.family.tokenizer, MODEL.family.padding) == ("bert-uncased", 0)
    )
    assert tokenizer.decode(tokenizer.encode(["Every effort moves you"])[0]) == "every effort moves you"
    same = BASE_MODELS["gte-small"]
    assert (same.family, same.published.tokenizer) == (MODEL.family, MODEL.published.tokenizer)


# --- as a classifier -----------------------------------------------------------------------------------------

SUBJECTS = {
    "no": ["I can not come to the party", "sorry, we are not free", "he will not join us", "not possible for me"],
    "perhaps": ["maybe, I have to ask her first", "not sure yet", "it depends on the weather", "perhaps later"],
    "yes": ["of course, see you there", "yes, gladly", "we will be there at eight", "certainly, thank you"],
}
UNSEEN = ["unfortunately she is not able to come", "I do not know yet, it depends", "sure, we are coming"]


@pytest.mark.parametrize(
    ("trainable", "precision", "learning_rate"),
    [("all", "fp32", 5e-4), ("last_two_blocks", "bf16", 2e-3)],
)
def test_it_learns_meanings_and_comes_back_with_its_answers(
    minilm_base, tmp_path, trainable, precision, learning_rate
):
    workspace = Workspace(tmp_path)
    workspace.base.parent.mkdir(parents=True)
    shutil.copytree(minilm_base, workspace.base)
    texts = [text for subject in SUBJECTS.values() for text in subject]
    classes = np.repeat(np.arange(3), 4)
    model = ModelParams.model_validate(committed("model") | {"name": "minilm-l6", "trainable": trainable})
    train = tiny_training.settings(
        epochs=6, batch_size=4, learning_rate=learning_rate, eval_every_steps=1000, precision=precision
    )
    classifier = NeuralClassifier.create(model, train, THREE, 16, workspace)
    classifier.fit(Split("train", texts, classes), Split("validation", texts, classes), lambda record: None)
    classifier.save(workspace)
    decision.save(workspace.decision, Decision(threshold=0.5))
    loaded = catalogue.load(workspace)
    assert [answer.label for answer in loaded.classify(UNSEEN, progress=False)] == list(SUBJECTS)
    assert (loaded.probabilities(UNSEEN) == classifier.probabilities(UNSEEN)).all()
    described = loaded.describe()
    assert (described["position"], described["causal"], described["tokenizer"]) == ("mean", False, "bert-uncased")


@pytest.mark.usefixtures("minilm_base")  # so that its files are there
def test_it_continues_no_text(capsys):
    with pytest.raises(SystemExit, match=r"^[^\n]*minilm-l6 reads both ways, so it continues no text[^\n]*$"):
        cli.main(["generate", "Every effort", "--model", "minilm-l6"])
    assert capsys.readouterr().out == ""
