"""Work on a thread of its own neither fails nor holds up the rest."""

import threading

from spampipe.tracking.background import Background


def test_actions_are_done_in_order_and_all_of_them() -> None:
    done: list[int] = []
    background = Background(lambda error: None)
    for number in range(100):
        background.perform(lambda number=number: done.append(number))
    assert background.finish(None)
    assert done == list(range(100))


def test_the_first_failure_is_told_once_and_drops_the_rest() -> None:
    told: list[str] = []
    done: list[str] = []
    background = Background(lambda error: told.append(str(error)))
    background.perform(lambda: done.append("first"))
    background.perform(lambda: {}["missing"])
    background.perform(lambda: {}["never asked"])
    background.perform(lambda: done.append("never"))
    assert background.finish(None)
    assert (done, told) == (["first"], ["'missing'"])


def test_patience_ends() -> None:
    release = threading.Event()
    done: list[str] = []
    background = Background(lambda error: None)
    background.perform(release.wait)
    background.perform(lambda: done.append("too late"))
    assert not background.finish(0.01)
    release.set()
    assert background.finish(None)
    assert done == []
