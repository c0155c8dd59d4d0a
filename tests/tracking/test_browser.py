"""MLflow's pages of the runs, as `spampipe ui` serves them, in a real browser."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import mlflow
import pytest
from matplotlib import image
from mlflow.entities import Run

from spampipe.core.workspace import Workspace
from spampipe.tracking import run_view
from spampipe.tracking.connection import ADDRESS_VARIABLE
from tests.support import browsers
from tests.support.browsers import Browser
from tests.support.label_sets import TWO
from tests.support.repositories import change, copied, environment, run, store_of, tracked_runs
from tests.support.servers import closed_port

CHART = "[data-testid='experiment-view-compare-runs-card']"
PADDING = 24  # pixels beside the words in the head of a column
FIGURE = Workspace().figures / "loss.png"


class Served(NamedTuple):
    repository: Path
    address: str  # of the view
    server: str  # that serves it
    runs: list[Run]  # two of them, the newest first


@contextmanager
def serving(repository: Path, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """`spampipe ui` on a port of its own: the process, the address that it prints, and the server's."""
    port = str(closed_port())
    command = [sys.executable, "-m", "spampipe", "ui", "--no-browser", "--port", port]
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background job would pass on that it is ignored
    with subprocess.Popen(
        command,
        cwd=repository,
        env=environment(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # its first line is the address, too
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip(), f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two runs of one model, or the newest of the repository that SPAMPIPE_SCREENSHOTS_OF names."""
    repository = Path(os.environ.get("SPAMPIPE_SCREENSHOTS_OF") or tmp_path_factory.mktemp("served") / "repository")
    if not repository.exists():
        copied(request.getfixturevalue("finished"), repository)
        change(repository, "evaluate", threshold=0.9)
        run(repository, "python", "-m", "stages.evaluate", variables={"DVC_EXP_NAME": "strict"})
    with serving(repository) as (_, address, server):
        yield Served(repository, address, server, tracked_runs(repository)[:-3:-1])


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that shows the view; screenshots go to the folder that SPAMPIPE_SCREENSHOTS names, if any."""
    with browsers.opened(tmp_path_factory.mktemp("browser")) as opened:
        opened.open(request.getfixturevalue("served").address)
        opened.click("[data-component-id='mlflow.assistant.chat_panel.close']")  # it opens itself the first time
        yield opened


def test_the_address_shows_the_description_and_the_runs_with_their_metrics(browser: Browser, served: Served) -> None:
    browser.open(served.address)
    for tracked in served.runs:
        cell = f".ag-row[row-id='{tracked.info.run_id}'] [col-id='{{}}']"
        assert browser.texts(cell.format("attributes.`Run Name`") + " a") == [tracked.info.run_name]
        for metric in ("test_accuracy", "test_recall"):
            (shown,) = browser.texts(cell.format(f"metrics.`{metric}`"))
            assert float(shown) == tracked.data.metrics[metric]
    columns = browser.each(".ag-header-cell[col-id]", "element.getAttribute('col-id')")[1:]  # without the check boxes
    assert columns == list(run_view.columns(TWO))[: len(columns)]
    assert "metrics.`test_accuracy`" in columns
    browser.save("runs")
    browser.click("[data-component-id='mlflow.experiment.metadata_editor.expand_button']")
    assert "leftover_false_positive_rate" in browser.texts("td code")
    browser.save("description")


def test_names_fit_their_columns_and_the_settings_come_first(browser: Browser, served: Served) -> None:
    browser.resize(2400, 1000)
    browser.open(served.address)
    words = "Math.max(...[...element.querySelectorAll('span')].map(part => part.scrollWidth))"
    headings = browser.each(
        ".ag-header-cell[col-id]",
        f"[element.getAttribute('col-id'), {words} + {PADDING} <= element.clientWidth]",
        lambda seen: len(seen) > len(run_view.columns(TWO)),
    )[1:]  # without the check boxes
    browser.resize()
    assert headings == [[name, True] for name in run_view.columns(TWO)]
    shown = [name.rpartition(".")[2].strip("`") for name in run_view.columns(TWO)]
    assert shown[2:5] == ["learning_rate", "epochs", "changed"]
    newest = f".ag-row[row-id='{served.runs[0].info.run_id}'] [col-id='tags.`changed`']"
    assert browser.texts(newest) == ["evaluate.threshold=0.9"]


def test_a_run_has_curves_and_system_metrics(browser: Browser, served: Served) -> None:
    trained, client = served.runs[1].info.run_id, mlflow.MlflowClient(store_of(served.repository))
    browser.open(served.address)
    browser.click(f".ag-row[row-id='{trained}'] a")
    browser.click_on("Model metrics")
    browser.write("input[placeholder='Search metric charts']", "loss")
    names = [f"{split}/{quantity}" for split in ("train", "validation") for quantity in ("epoch_loss", "loss")]
    points = [len(client.get_metric_history(trained, name)) for name in names]
    counted = "element.querySelectorAll('.points path').length"
    assert browser.each(CHART, counted, lambda seen: seen == points) == points
    browser.save("curves")
    browser.click_on("System metrics")
    drawn = f"{CHART}:has(.lines path, .points path, .bars path)"
    titles = browser.each(drawn, "element.innerText.split('\\n')[0]", lambda seen: len(seen) >= 3)
    assert titles[:2] == ["cpu_utilization_percentage", "disk_available_megabytes"]
    browser.save("system_metrics")


def test_a_figure_among_the_artifacts_is_shown(browser: Browser, served: Served) -> None:
    trained = served.runs[1].info
    browser.open(f"{served.server}/#/experiments/{trained.experiment_id}/runs/{trained.run_id}")
    for words in ("Artifacts", *FIGURE.parts):
        browser.click_on(words)
    width = image.imread(served.repository / FIGURE).shape[1]
    widths = browser.each(f"img[alt='{FIGURE.as_posix()}']", "element.naturalWidth", lambda seen: seen == [width])
    assert widths == [width]
    browser.save("figure")


def test_the_curves_of_all_runs_share_a_chart(browser: Browser, served: Served) -> None:
    client, every = mlflow.MlflowClient(store_of(served.repository)), tracked_runs(served.repository)
    points = sum(len(client.get_metric_history(each.info.run_id, "train/loss")) for each in every)
    browser.open(served.address)
    browser.click("label:has(input[name='runs-view-mode'][value='CHART'])")
    counted = "[element.innerText.split('\\n')[0], element.querySelectorAll('.points path').length]"
    assert ["train/loss", points] in browser.each(CHART, counted, lambda seen: ["train/loss", points] in seen)
    browser.save("charts")


def test_two_runs_are_compared(browser: Browser, served: Served) -> None:
    browser.open(served.address)
    for tracked in served.runs:
        browser.click(f".ag-row[row-id='{tracked.info.run_id}'] .ag-checkbox-input")
    browser.click("[data-testid='runs-compare-button']")
    browser.click("[aria-label='Parameters - Show diff only']")
    first, second = (tracked.data.params for tracked in served.runs)
    differing = sorted([name, first[name], second[name]] for name in first if first[name] != second[name])

    def params(rows: list[list[str]]) -> list[list[str]]:
        return sorted(row for row in rows if row[0] in first)

    rows = browser.each(
        "tr", "[...element.cells].map(cell => cell.innerText.trim())", lambda rows: params(rows) == differing
    )
    assert params(rows) == differing != []
    assert ["Run Name:", *(tracked.info.run_name for tracked in served.runs)] in rows
    assert "test_accuracy" in browser.texts("a[title='Plot chart']")
    browser.save("comparison")


def test_with_a_server_of_the_users_the_address_is_opened_in_the_browser(served: Served, tmp_path: Path) -> None:
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    script.chmod(0o755)
    variables = {ADDRESS_VARIABLE: served.server, "BROWSER": str(script)}
    printed = run(served.repository, "python", "-m", "spampipe", "ui", variables=variables).stdout
    assert printed.strip() == served.address
    assert (tmp_path / "opened").read_text().strip() == served.address


def test_a_store_without_runs_is_served_until_interrupted(finished: Path, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/empty.db"
    with serving(finished, **{ADDRESS_VARIABLE: store}) as (process, address, server):
        assert address == run_view.address(server, "1")
        assert run_view.VIEW_TAG in mlflow.MlflowClient(store).get_experiment("1").tags
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does at Ctrl-C
        assert process.wait() == 0
        with pytest.raises(ProcessLookupError):  # nothing that it started is left
            os.killpg(process.pid, 0)
