"""A real browser without a window: Chromium, driven through its own driver."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common import exceptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

PROGRAM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
_FLAGS = (
    *("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"),
    *("disable-background-networking", "disable-component-update", "window-size=1400,1000"),
    # A mouse, without which charts keep their buttons in view.
    "blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",
)
_NOT_YET = (
    exceptions.NoSuchElementException,
    exceptions.StaleElementReferenceException,
    exceptions.ElementNotInteractableException,
    exceptions.ElementClickInterceptedException,
)
_PATIENCE_SECONDS = 30


def screenshots(otherwise: Path) -> Path:
    """The folder for screenshots: the one that SPAMPIPE_SCREENSHOTS names, made if it is not there."""
    folder = Path(os.environ.get("SPAMPIPE_SCREENSHOTS", otherwise))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def opened(folder: Path) -> Iterator["Browser"]:
    """A browser for the block; the test is skipped where there is none.

    Args:
        folder: empty, for what the browser keeps, and for screenshots unless SPAMPIPE_SCREENSHOTS names another.
    """
    if not (PROGRAM and DRIVER):
        pytest.skip("no chromium with its driver here: apt-get install chromium chromium-driver")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "*")  # the driver is on this machine
        browser = Browser(folder / "profile", screenshots(folder))
    try:
        yield browser
    finally:
        browser.quit()


class Browser:
    """One window; whatever is asked of a page is waited for.

    Args:
        profile: an empty folder for what the browser keeps.
        screenshots: the folder for those.
    """

    def __init__(self, profile: Path, screenshots: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = str(PROGRAM)
        for flag in (*_FLAGS, f"user-data-dir={profile}"):
            options.add_argument(f"--{flag}")
        self._driver, self._screenshots = webdriver.Chrome(options, Service(str(DRIVER))), screenshots

    def resize(self, width: int = 1400, height: int = 1000) -> None:
        """Give the window another size, in pixels, or its first one again."""
        self._driver.set_window_size(width, height)

    def open(self, address: str) -> None:
        self._driver.get("about:blank")  # a change behind the # alone would not load the page anew
        self._driver.get(address)

    def click(self, selector: str) -> None:
        """Click on the first element of a CSS selector."""
        self._until(lambda: self._driver.find_element(By.CSS_SELECTOR, selector).click() or True, selector)

    def click_on(self, words: str) -> None:
        """Click on what holds these words and nothing else."""
        path = f"//*[normalize-space(text())='{words}']"
        self._until(lambda: self._driver.find_element(By.XPATH, path).click() or True, words)

    def write(self, selector: str, words: str) -> None:
        """Type into the first element of a CSS selector."""
        self._until(lambda: self._driver.find_element(By.CSS_SELECTOR, selector).send_keys(words) or True, selector)

    def texts(self, selector: str) -> list[str]:
        """What the visible elements of a CSS selector say, once all say something."""
        return self.each(selector, "element.innerText.trim()", lambda seen: bool(seen) and all(seen))

    def each(self, selector: str, expression: str, enough: Callable[[list], bool] = bool) -> list:
        """A JavaScript expression's value for each visible `element`, from the top down and from left to right.

        Args:
            selector: CSS, of the elements.
            expression: of `element`.
            enough: whether the values are what is waited for; if they never are, the last ones are returned.
        """
        script = f"""
            const place = element => element.getBoundingClientRect();
            return [...document.querySelectorAll(arguments[0])]
                .filter(element => element.checkVisibility())
                .sort((a, b) => place(a).y - place(b).y || place(a).x - place(b).x)
                .map(element => {expression})"""
        seen: list = []

        def look() -> bool:
            seen[:] = self._driver.execute_script(script, selector)
            return enough(seen)

        with suppress(exceptions.TimeoutException):
            self._until(look, selector)
        return seen

    def save(self, name: str) -> None:
        """Keep a screenshot."""
        assert self._driver.save_screenshot(str(self._screenshots / f"{name}.png"))

    def quit(self) -> None:
        self._driver.quit()

    def _until(self, done: Callable[[], bool], sought: str) -> None:
        wait = WebDriverWait(self._driver, _PATIENCE_SECONDS, poll_frequency=0.1, ignored_exceptions=_NOT_YET)
        wait.until(lambda _: done(), sought)
