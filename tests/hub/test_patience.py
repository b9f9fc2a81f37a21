"""A Hub that stays silent, says "later" for ever, or talks nonsense: each ends, and says so."""

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from cli.main import main
from zoo.cards.sources import HubSource
from zoo.errors import IntegrityError, UnavailableError
from zoo.hub import listing
from zoo.hub.download import download
from zoo.hub.listing import as_model
from zoo.hub.patience import PATIENCE_S, Patience, patient
from zoo.hub.retry import with_retries

ME = HubSource("me/photos")
FILES = {
    "config.json": b'{"architecture": "resnet18"}',
    "model.safetensors": save({"a": np.arange(300_000, dtype=np.float32)}),
}
COMMIT = "0" * 40
LONG = PATIENCE_S / 3  # what is left at once takes a second or two, and more on a busy machine


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only sleeping moves: `clock[0]` is what it shows."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr("zoo.hub.retry.time.sleep", sleep)
    monkeypatch.setattr("zoo.hub.patience.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience of a third of a second."""
    monkeypatch.setattr("zoo.hub.patience.PATIENCE_S", 0.3)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("path", ["/api/models", "/resolve/"])
def test_the_same_refusal_for_ever_ends_in_time_and_names_what_needs_no_network(
    hub: Any, clock: list[float], status: int, path: str
) -> None:
    hub.add("me/photos", FILES)
    for method in ("GET", "HEAD"):
        hub.fail(method, path, status, times=999)
    with pytest.raises(UnavailableError, match=str(status)) as error:
        download(ME)
    assert clock[0] <= PATIENCE_S
    assert "rankzoo list --ready" in error.value.hint


@pytest.mark.parametrize("as_date", [False, True])
def test_what_the_server_asks_for_is_waited_for_within_one_patience_of_all(
    hub: Any, clock: list[float], as_date: bool
) -> None:
    hub.add("me/photos", FILES)
    asked = formatdate(time.time() + 26, usegmt=True) if as_date else "25"
    hub.fail("GET", "/api/models", 429, times=999, Retry_After=asked)
    with pytest.raises(UnavailableError, match="rate limited"):
        download(ME)
    assert 40 <= clock[0] <= PATIENCE_S  # twice, since a third wait would be too long


def test_all_that_one_download_asks_shares_one_patience(hub: Any, clock: list[float]) -> None:
    hub.add("me/photos", FILES)
    hub.fail("GET", "/api/models", 503, Retry_After="40")
    for method in ("GET", "HEAD"):
        hub.fail(method, "model.safetensors", 503, times=99, Retry_After="40")
    with pytest.raises(UnavailableError, match="503"):
        download(ME)
    assert clock[0] <= PATIENCE_S


@pytest.mark.parametrize("path", ["/api/models", "model.safetensors"])
def test_a_server_that_accepts_and_never_answers_is_left(
    hub: Any, hurried: None, path: str, caches: Path
) -> None:
    hub.add("me/photos", FILES)
    hub.hold(path)
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="no answer from the Hub"):
        download(ME)
    assert time.monotonic() - began < LONG
    assert not list(caches.rglob("pins/*.json"))


def test_a_transfer_that_stands_still_is_left_with_nothing_half_written(
    hub: Any, hurried: None, caches: Path
) -> None:
    hub.add("me/photos", FILES)
    hub.hold("model.safetensors", after=5000)
    with pytest.raises(UnavailableError, match="no answer"):
        download(ME)
    assert not list(caches.rglob("*.incomplete"))
    assert not list(caches.rglob("model.safetensors"))


def test_arriving_bytes_earn_time_and_silence_does_not(clock: list[float]) -> None:
    with patient() as one:
        one.earn(30.0)
        clock[0] = PATIENCE_S
        assert one.left() == 30
        with patient() as other:
            assert other is one
    assert Patience().left() == PATIENCE_S


def test_a_client_that_sleeps_for_an_hour_by_itself_is_left(hurried: None) -> None:
    slept = threading.Event()
    with pytest.raises(TimeoutError, match="nothing within"):
        with_retries(lambda: slept.wait(20), "me/photos")
    slept.set()


@contextmanager
def ctrl_c_once(held: threading.Event) -> Iterator[list[float]]:
    """Press Ctrl-C as soon as the server holds its answer back; yields when that was."""
    main_thread, pressed = threading.main_thread().ident, list[float]()
    assert main_thread is not None

    def press() -> None:
        if held.wait(60):
            pressed.append(time.monotonic())
            signal.pthread_kill(main_thread, signal.SIGINT)

    thread = threading.Thread(target=press, daemon=True)
    # A shell that starts its jobs in the background lets them ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread.start()
    yield pressed
    thread.join()
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signal to a thread")
@pytest.mark.parametrize("after", [None, 5000])
def test_ctrl_c_ends_at_once_with_130_and_leaves_nothing(
    hub: Any, monkeypatch: pytest.MonkeyPatch, caches: Path, after: int | None
) -> None:
    hub.add("me/photos", FILES)
    hub.hold("model.safetensors" if after else "/api/models", after)
    monkeypatch.setattr(sys, "argv", ["rankzoo", "download", "me/photos"])
    with ctrl_c_once(hub.held) as pressed, pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 130
    assert time.monotonic() - pressed[0] < LONG
    assert not list(caches.rglob("*.incomplete"))
    assert not list(caches.rglob("pins/*.json"))


SOUND = {"id": "me/photos", "sha": COMMIT, "siblings": [{"rfilename": "config.json", "size": 2}]}
WRONG: list[Any] = [
    [],
    None,
    "listing",
    {**SOUND, "id": 7},
    {**SOUND, "id": "../../me"},
    {**SOUND, "sha": None},
    {**SOUND, "sha": "main"},
    {**SOUND, "sha": "../" * 13 + "x"},
    {**SOUND, "siblings": "config.json"},
    {**SOUND, "siblings": [None]},
    {**SOUND, "siblings": [{"size": 1}]},
    {**SOUND, "siblings": [{"rfilename": ["a"]}]},
    {**SOUND, "siblings": [{"rfilename": "a", "size": "big"}]},
    {**SOUND, "siblings": [{"rfilename": "a", "size": -1}]},
    {**SOUND, "siblings": [{"rfilename": "a", "size": 1.5}]},
    {**SOUND, "siblings": [{"rfilename": "a", "lfs": []}]},
    {**SOUND, "siblings": [{"rfilename": "a", "lfs": {"sha256": 3}}]},
    {**SOUND, "private": "no"},
]


def test_keys_that_we_do_not_know_are_the_hubs_own_affair() -> None:
    found = as_model(json.dumps({**SOUND, "likes": 3, "siblings": []}).encode(), "me/photos")
    assert (found.repo, found.commit, found.files, found.private) == (
        "me/photos",
        COMMIT,
        (),
        False,
    )


@pytest.mark.parametrize("value", WRONG)
def test_a_listing_of_wrong_types_is_one_line(value: Any) -> None:
    with pytest.raises(IntegrityError, match="^me/photos: the Hub's listing: ") as error:
        as_model(json.dumps(value).encode(), "me/photos")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>log in</html>", b"[" * 100_000, b'{"id": 1, "id": 2}', b"\xff\xfe", b" " * 5000],
    ids=["empty", "page", "deep", "twice", "binary", "large"],
)
def test_what_is_no_listing_is_one_line_and_code_5(
    hub: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    body: bytes,
) -> None:
    monkeypatch.setattr(listing, "LARGEST", 4096 if body.isspace() else 2**20)
    hub.answer("/api/models", body)
    monkeypatch.setattr(sys, "argv", ["rankzoo", "download", "me/photos"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == IntegrityError.code
    said = capsys.readouterr().err
    assert "me/photos" in said
    assert "HF_ENDPOINT" in said
    assert "Traceback" not in said
