"""The page of a result: one file, in which foreign texts do nothing."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spampipe.core.errors import CheckpointError, DataError
from spampipe.core.workspace import Workspace
from spampipe.data.labels import LabelSet
from spampipe.evaluation import intervals
from spampipe.evaluation.occlusion import WordEffect
from spampipe.reporting import contenders, facts, page, shading, templates, wording
from spampipe.reporting.shading import Piece
from tests.support import told
from tests.support.label_sets import THREE, TWO

EMPTY = {"meta", "img"}  # elements without an end


class Elements(HTMLParser):
    """What a page is made of: the texts by the element that they stand in, mistakes as a whole, and every address."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.messages: list[str] = []
        self._around = 0  # elements around a mistake; 0 outside of one
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [(name, value or "") for name, value in attributes]
        if ("class", "message") in attributes:
            self._around = len(self.open)
            self.messages.append("")
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if len(self.open) == self._around:
            self._around = 0

    def handle_data(self, data: str) -> None:
        if self._around:
            self.messages[-1] += data
        if data.strip():
            self.texts.append((self.open[-1], data))

    def of(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def html(found: facts.Facts, folder: Path) -> str:
    return page.html(found, Workspace(folder).figures)


@pytest.mark.parametrize("known", [TWO, THREE])
def test_the_page_needs_nothing_else_and_is_well_formed(known: LabelSet, tmp_path: Path) -> None:
    found = told.result(tmp_path, known)
    elements = Elements(html(found, tmp_path))
    assert elements.open == [] and elements.names.isdisjoint({"script", "link", "iframe", "object"})
    addresses = [value for name, value in elements.attributes if name in ("src", "href")]
    pictures = [base64.b64decode(address.removeprefix("data:image/png;base64,")) for address in addresses]
    assert pictures == [(Workspace(tmp_path).figures / f"{name}.png").read_bytes() for name in page.FIGURES]
    (styles,) = elements.of("style")
    assert "@media print" in styles and "url(" not in styles
    assert ("name", "viewport") in elements.attributes


def test_the_same_files_give_the_same_page_wherever_they_lie(tmp_path: Path) -> None:
    pages = set()
    for name in ("one", "other"):
        workspace = Workspace(tmp_path / name)
        page.write(told.result(workspace.root, TWO), workspace, [])
        pages.add(workspace.report.read_bytes())
    (written,) = pages
    assert str(tmp_path).encode() not in written


def test_messages_cannot_become_part_of_the_page(tmp_path: Path) -> None:
    texts = ["<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "{{ 7 * 7 }} &amp; </td>"]
    written = html(told.result(tmp_path, TWO, size=3, texts=texts, copied=3, beside={"majority": 1}), tmp_path)
    elements = Elements(written)
    assert "script" not in elements.names and "<script" not in written and "onerror=alert(2)>" not in written
    assert elements.messages == texts  # as they are read
    assert {text for text in elements.of("td") if text in texts} == set(texts)  # as neighbours, too
    assert "src" not in [name for name, value in elements.attributes if not value.startswith("data:")]


def test_labels_and_settings_cannot_either(tmp_path: Path) -> None:
    known = LabelSet(names=("<b>", "a|`b`", "c&d"), positive=None)
    elements = Elements(html(told.result(tmp_path, known, dataset="<i>.csv"), tmp_path))
    assert elements.names.isdisjoint({"b", "i"})
    assert "<b>" in elements.of("td") and "<i>.csv" in elements.of("td")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_text_is_escaped(text: str) -> None:
    form = {"title": text, "verdict": text, "threshold": "", "rates": [], "f1": "", "contenders": [], "cost": {}}
    form["studies"], form["behaviour"] = [], []
    form |= {"figures": [], "probability": "", "shading": text, "all_mistakes": 1, "sections": {}}
    row = {
        "label": text,
        "predicted": text,
        "probability": 0.5,
        "pieces": [Piece(text, text, text, True), Piece(text)],
    }
    form["mistakes"] = [row | {"nearest": [{"similarity": 0.5, "label": text, "text": text}]}]
    elements = Elements(templates.fill("report.html", **form))
    assert elements.open == [] and elements.names.isdisjoint({"b", "script"})
    if text.strip():
        assert elements.of("p")[0] == text


@pytest.mark.parametrize(("wrong", "shown"), [(0, 0), (3, 3), (50, 50), (60, 50)])
def test_at_most_fifty_mistakes_are_shown(wrong: int, shown: int, tmp_path: Path) -> None:
    elements = Elements(html(told.result(tmp_path, TWO, size=120, wrong=wrong), tmp_path))
    assert len(elements.messages) == shown and all(text.startswith("test message") for text in elements.messages)
    notes = " ".join(elements.of("p"))
    assert (f"50 of {wrong} misclassified" in notes) == (wrong > 50)
    assert ("No test message is misclassified." in notes) == (not wrong)


@given(st.lists(st.tuples(st.text(max_size=3), st.text("ab<", min_size=1), st.floats(-9, 9)), max_size=9), st.text())
def test_a_shaded_text_is_the_text(parts: list[tuple[str, str, float]], end: str) -> None:
    text, words = "", []
    for gap, word, effect in parts:
        words.append(WordEffect(len(text + gap), len(text + gap + word), effect))
        text += gap + word
    found = shading.pieces(text + end, words)
    assert "".join(piece.text for piece in found) == text + end
    shown = [piece for piece in found if piece.effect]
    assert [piece.effect for piece in shown] == [f"{word.effect:+.2f}" for word in words]
    for piece, word in zip(shown, words, strict=True):
        hue = "86, 180, 233" if word.effect < 0 else "230, 159, 0"
        shade = abs(word.effect) / max([1, *(abs(other.effect) for other in words)])
        assert piece.colour == (f"rgba({hue}, {shade:.2f})" if shade >= 0.05 else "")
        assert piece.against == (piece.colour != "" and word.effect < 0)


@pytest.mark.parametrize("known", [TWO, THREE])
def test_each_mistake_has_its_words_effects_and_the_nearest_training_messages(
    known: LabelSet, tmp_path: Path
) -> None:
    found = told.result(tmp_path, known, copied=39)
    elements = Elements(html(found, tmp_path))
    effects = [value for name, value in elements.attributes if name == "title"]
    words = [word for row in found.explanations.values() for word in row.words]
    assert sorted(effects) == sorted(f"effect {word.effect:+.2f}" for word in words) and len(words) == 12
    assert any(value.startswith("background-color: rgba(") for name, value in elements.attributes if name == "style")
    assert elements.of("summary").count("the nearest training messages") == 3
    nearest = {near.text for row in found.explanations.values() for near in row.nearest}
    assert nearest <= set(elements.of("td")) and len(nearest) > 1
    assert shading.MEANING in elements.of("p")


def test_contenders_have_wilsons_intervals_of_their_own_answers(tmp_path: Path) -> None:
    model, svm, logistic, majority = contenders.all_of(told.result(tmp_path, TWO))
    assert [each.name for each in (model, svm, logistic, majority)] == [
        *("this model", "tfidf-svm", "tfidf-logistic", "majority")
    ]
    assert model.rates["accuracy"] == intervals.wilson(37, 40) and svm.rates["accuracy"] == intervals.wilson(37, 40)
    assert logistic.rates["accuracy"] == intervals.wilson(36, 40)
    assert majority.rates["accuracy"] == intervals.wilson(20, 40)
    # The first three messages are ham, spam, ham: two false positives, and one spam that is missed.
    assert model.rates["precision"] == intervals.wilson(19, 21)
    assert model.rates["recall"] == intervals.wilson(19, 20)
    assert model.rates["false positive rate"] == intervals.wilson(2, 20)
    assert model.f1 == pytest.approx(2 * 19 / (21 + 20))


def test_without_a_positive_label_accuracy_and_macro_f1_are_told(tmp_path: Path) -> None:
    found = told.result(tmp_path, THREE)
    assert [list(each.rates) for each in contenders.all_of(found)] == [["accuracy"]] * 4
    assert "macro F1" in Elements(html(found, tmp_path)).of("th")


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        (3, "Beside tfidf-svm: no difference: 37 of 40 right, as in tfidf-svm, though not the same ones."),
        (5, "That it differs from tfidf-svm may be chance: 2 more right of 40 (37, tfidf-svm 35): better, but "),
        (2, "That it differs from tfidf-svm may be chance: 1 fewer right of 40 (37, tfidf-svm 38): worse, but "),
        (20, "It is better than tfidf-svm beyond chance: 17 more right of 40 (37, tfidf-svm 20): better; "),
    ],
)
def test_the_verdict_says_whether_chance_explains_the_difference(beside: int, words: str, tmp_path: Path) -> None:
    found = told.result(tmp_path, TWO, beside={"tfidf-svm": beside, "majority": 20})
    verdict = " ".join(wording.verdict(found, contenders.all_of(found)))
    assert words in verdict and "majority" not in verdict
    assert "right about 37 of 40 test messages: accuracy 92.5 % (80.1 to 97.4), F1 of spam 92.7 %." in verdict


def test_a_model_that_is_worse_is_said_to_be_worse(tmp_path: Path) -> None:
    found = told.result(tmp_path, TWO, wrong=19, beside={"tfidf-svm": 0})
    assert "It is worse than tfidf-svm beyond chance: 19 fewer" in wording.verdict(found, contenders.all_of(found))[2]


def test_copies_in_train_are_told(tmp_path: Path) -> None:
    alone = told.result(tmp_path / "alone", TWO)
    assert wording.leaked(alone).startswith("None of the 40 test messages has a near-duplicate")
    found = wording.leaked(told.result(tmp_path / "copied", TWO, copied=8))
    exact, near = (int(re.search(pattern, found)[1]) for pattern in (r"(\d+) of them word", r"messages, (\d+) \("))
    assert exact == 8 <= near <= 40
    assert "on the 32 whose exact text is in neither train nor validation, accuracy is 90.6 %." in found


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (told.FINE_TUNED, "smollm2-135m, its last block, final norm and head trained"),
        (
            told.FINE_TUNED | {"base_sha256": None, "trainable": "last_blocks", "trained_blocks": 3},
            "smollm2-135m with random weights, its last 3 blocks, final norm and head trained",
        ),
        (told.FINE_TUNED | {"trainable": "probe"}, "smollm2-135m, frozen, with a linear head on features of some"),
        (told.FINE_TUNED | {"trainable": "prompt"}, "smollm2-135m, asked by a prompt, without training"),
        ({"base": "tfidf-svm", "features": "words 1-2"}, "(tfidf-svm, a linear model on TF-IDF of words 1-2)"),
        ({"base": "tfidf-svm"}, "(tfidf-svm)"),  # as any kind of which no more is known
        (
            {"base": "ensemble", "members": [{"base": "tfidf-svm"}, told.FINE_TUNED | {"trainable": "lora"}]},
            "(the mean of tfidf-svm and smollm2-135m, LoRA adapters and its head trained)",
        ),
    ],
)
def test_every_kind_of_model_is_named(card: dict[str, object], words: str, tmp_path: Path) -> None:
    found = told.result(tmp_path, TWO, card=card)
    assert words in html(found, tmp_path)


def test_the_size_is_told_as_far_as_it_is_known(tmp_path: Path) -> None:
    found = told.result(tmp_path, TWO)
    size = {"models/classifier.safetensors": "1.2 MB"}
    assert page.cost(found) == {"parameters": "134,516,160", "trained parameters": "3,541,824"} | size
    Workspace(tmp_path).parameters.write_text('{"parameters": null, "trained_parameters": null}')
    assert page.cost(facts.gather(Workspace(tmp_path), "", {})) == size


def test_groups_of_behaviour_are_shown_where_the_cases_are_about_the_labels(tmp_path: Path) -> None:
    about = Elements(html(told.result(tmp_path / "two", TWO), tmp_path / "two"))
    cells = about.of("td")
    place = cells.index("second")
    assert cells[place - 4 : place] == ["first <group>", "invariance", "0 of 2", "0.0 % (0.0 to 65.8)"]
    assert cells[place : place + 4] == ["second", "direction", "3 of 4", "75.0 % (30.1 to 95.4)"]
    other = html(told.result(tmp_path / "three", THREE), tmp_path / "three")
    assert "are about other labels." in other and "second" not in Elements(other).of("td")


def test_every_setting_is_shown_as_params_yaml_has_it(tmp_path: Path) -> None:
    elements = Elements(html(told.result(tmp_path, TWO), tmp_path))
    assert elements.of("h3") == list(told.SECTIONS)
    assert {"learning_rate", "0.0002", "false", "tail"} <= {*elements.of("td"), *elements.of("th")}


def test_what_is_missing_or_damaged_is_named_in_one_line(tmp_path: Path) -> None:
    told.result(tmp_path, TWO)
    workspace = Workspace(tmp_path)
    for path, kind in (
        (workspace.parameters, DataError),
        (workspace.leakage, DataError),
        (workspace.predictions, DataError),
        (workspace.behaviour, DataError),
        (workspace.mistake_words, DataError),
        (workspace.mistake_neighbours, DataError),
        (workspace.classifier_card, CheckpointError),
        (workspace.decision, CheckpointError),
    ):
        kept = path.read_bytes()
        for damage in (lambda path=path: path.write_text("{"), path.unlink):
            damage()
            with pytest.raises(kind, match=rf"^{re.escape(str(path))}: [^\n]+$"):
                facts.gather(workspace, "", {})
        path.write_bytes(kept)
    workspace.classifier_weights.unlink()
    with pytest.raises(
        CheckpointError, match=r"classifier\.safetensors: no such file; run `dvc repro` or `dvc pull`$"
    ):
        facts.gather(workspace, "", {})
