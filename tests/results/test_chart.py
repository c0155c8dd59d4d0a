"""The chart of a report, as Mermaid draws it in a real browser."""

import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spampipe.core import files
from spampipe.downloads import fetch
from spampipe.results import chart
from tests.support import browsers
from tests.support.browsers import Browser

MERMAID = "11.17.2"
NPM_SECONDS = 120
BACKGROUNDS = {"default": "#ffffff", "dark": "#333333"}  # Mermaid's own, of the theme that GitHub has it take
Points = npt.NDArray[np.float64]


def steps(seen: list[int], loss: float = 0.7) -> pd.DataFrame:
    """The losses of a run, which fall as it sees more."""
    return pd.DataFrame({"examples_seen": seen, "validation_loss": [loss / (1 + at / 300) for at in seen]})


LONG, SHORT = steps(list(range(8, 4009, 400))), steps(list(range(8, 1009, 125)), loss=0.5)


@pytest.fixture(scope="module")
def mermaid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Mermaid for browsers, fetched once into the user's cache."""
    kept = fetch.cache_directory() / "tests" / f"mermaid-{MERMAID}.js"
    if not kept.exists():
        npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("npm")
        if npm is None:
            pytest.skip("no npm here to fetch Mermaid with: apt-get install npm")
        try:
            command = [npm, "pack", f"mermaid@{MERMAID}", "--silent", "--pack-destination", str(folder)]
            subprocess.run(command, cwd=folder, capture_output=True, timeout=NPM_SECONDS, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"npm cannot fetch Mermaid: {error}")
        (package,) = folder.glob("*.tgz")
        with tarfile.open(package) as archive:
            member = archive.extractfile("package/dist/mermaid.min.js")
            assert member is not None
            files.write_bytes(kept, member.read())
    return kept


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsers.opened(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def source_of(markdown: str) -> str:
    return markdown.split("```mermaid\n")[1].split("```")[0]


def drawn(browser: Browser, place: str) -> tuple[str, Points]:
    """The colour of a line, and its points in the units of the axes."""
    ((colour, path),) = browser.each(f".{place} path", "[element.getAttribute('stroke'), element.getAttribute('d')]")
    corners = np.array([[float(number) for number in pair.split(",")] for pair in path[1:].split("L")])
    return colour, np.column_stack([scaled(browser, "bottom", corners[:, 0]), scaled(browser, "left", corners[:, 1])])


def scaled(browser: Browser, axis: str, places: Points) -> Points:
    """What stands at these places of an axis, by the numbers beside it."""
    numbers = browser.each(f".{axis}-axis .label text", "[element.getAttribute('transform'), element.textContent]")
    column = 0 if axis == "bottom" else 1
    known = [(float(re.findall(r"[-\d.]+", where)[column]), float(number)) for where, number in numbers]
    (first, low), (last, high) = min(known), max(known)
    return low + (places - first) * (high - low) / (last - first)


@pytest.mark.parametrize("theme", BACKGROUNDS)
@pytest.mark.parametrize(
    "runs", [(LONG, SHORT), (SHORT, LONG), (LONG, LONG)], ids=["longer first", "shorter", "same"]
)
def test_each_line_is_its_run_and_ends_where_the_shorter_ends(
    browser: Browser, mermaid: Path, tmp_path: Path, theme: str, runs: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        f"<!doctype html><meta charset=utf-8><body style='background:{BACKGROUNDS[theme]}'>"
        f"<pre class=mermaid>{source_of(chart.mermaid(*runs, ('main', 'this')))}</pre>"
        f"<script src='{mermaid.as_uri()}'></script><script>mermaid.initialize({{theme: '{theme}'}})</script>"
    )
    browser.open(page.as_uri())
    for place, run, colour in zip(("line-plot-0", "line-plot-1"), runs, chart.COLOURS.values(), strict=True):
        found, points = drawn(browser, place)
        assert found == colour
        assert points[[0, -1], 0] == pytest.approx([8, min(runs[0].iloc[-1, 0], runs[1].iloc[-1, 0])], abs=1)
        expected = np.interp(points[:, 0], run["examples_seen"], run["validation_loss"])
        assert points[:, 1] == pytest.approx(expected, abs=0.002)
    browser.save(f"chart_{theme}")


def test_the_words_say_which_colour_is_which_and_what_is_not_drawn() -> None:
    *_, legend, rest = chart.mermaid(LONG, SHORT, ("main", "this")).splitlines()
    assert legend == "🟦 main, 🟧 this."
    assert rest == (
        "The chart ends at 1,008 messages seen, where the shorter run ends; "
        "main goes on to 4,008, with a loss of 0.0487 there."
    )
    assert chart.mermaid(LONG, LONG, ("main", "this")).splitlines()[-1] == "🟦 main, 🟧 this."
    assert chart.mermaid(LONG, steps([8]), ("main", "this")) == "No chart: the two runs have no two points in common."


growing = st.lists(st.integers(1, 500), min_size=2, max_size=90).map(lambda gaps: np.cumsum(gaps).tolist())


@given(growing, growing)
def test_no_curve_is_drawn_outside_of_its_run(one: list[int], other: list[int]) -> None:
    text = chart.mermaid(steps(one), steps(other), ("main", "this"))
    start, end = max(one[0], other[0]), min(one[-1], other[-1])
    if start >= end:
        assert "mermaid" not in text
        return
    assert f"{start} --> {end}\n" in text
    for seen, line in zip((one, other), re.findall(r"line \[(.*)\]", text), strict=True):
        values, run = [float(value) for value in line.split(", ")], steps(seen)
        at = np.linspace(start, end, len(values))
        assert values == pytest.approx(np.interp(at, run["examples_seen"], run["validation_loss"]), abs=1e-4)
        assert 2 <= len(values) <= 33
        step, reached = (end - start) / (len(values) - 1), float(start)
        for _ in values[1:]:
            reached += step  # as Mermaid does; beyond the end it would leave the last point out
        assert reached == end


def luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", chart.COLOURS.values())
@pytest.mark.parametrize("background", [*BACKGROUNDS.values(), "#0d1117"])
def test_colours_stand_out_from_white_and_from_dark(colour: str, background: str) -> None:
    dark, bright = sorted((luminance(colour), luminance(background)))
    assert (bright + 0.05) / (dark + 0.05) >= 3  # what WCAG asks of graphics
