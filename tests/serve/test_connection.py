"""Clients that are slow, that lie and that send too much, on a real socket."""

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest

from zoo.serve import run
from zoo.serve.settings import Limits

SEARCH = "/api/indexes/idx/search"
HEAD = f"POST {SEARCH} HTTP/1.1\r\nHost: localhost\r\n"
PATIENCE = 60.0  # seconds a test waits for what must happen


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    parts = urlsplit(address)
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), PATIENCE) as found:
        yield found


def trickle(client: socket.socket, piece: bytes) -> bytes:
    """Send a piece again and again, little by little; return what came until the server closed."""
    client.settimeout(0.05)
    received, until = b"", time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if not (content := client.recv(65_536)):
                return received
            received += content
        except TimeoutError:
            with suppress(OSError):  # the next round reads what came before the server closed
                client.sendall(piece)
        except ConnectionError:
            return received
    pytest.fail("the server still listens")


def ask_without_reading(client: socket.socket, asked: bytes) -> None:
    for _ in range(round(PATIENCE / 0.02)):
        client.sendall(asked)
        time.sleep(0.02)


def everything(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65_536), b""))


def is_up(address: str) -> bool:
    """Whether the server answers; one in a hurry on a busy machine may need a second question."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(f"{address}health", timeout=PATIENCE) as answer:
                return bool(json.load(answer) == {"status": "ok"})
        except (urllib.error.HTTPError, ConnectionError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if getattr(error, "code", 504) != 504 or time.monotonic() > until:
                raise


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch, address: Callable[..., str]) -> Callable[[float], str]:
    """Serve with that many seconds of patience; return the address."""

    def start(seconds: float) -> str:
        monkeypatch.setattr(run, "IDLE", seconds)
        return address(limits=Limits(rate=0, seconds=seconds, upload_bytes=100_000))

    return start


@pytest.fixture
def hurried(serving: Callable[[float], str]) -> str:
    """The address of a server that is patient for half a second."""
    return serving(0.5)


@pytest.fixture
def patient(serving: Callable[[float], str]) -> str:
    """The address of a server that a busy machine does not put in a hurry."""
    return serving(PATIENCE)


def test_headers_that_trickle_in_do_not_hold_a_connection(hurried: str) -> None:
    with connected(hurried) as silent, connected(hurried) as slow:
        slow.sendall(HEAD.encode())
        assert trickle(slow, b"X-A: b\r\n") == b""
        assert silent.recv(1) == b""
    assert is_up(hurried)


def test_the_second_request_of_a_connection_may_not_trickle_in_either(hurried: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:  # a busy machine may not have asked or answered the first in time
        with suppress(ConnectionError), connected(hurried) as client:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if client.recv(65_536).startswith(b"HTTP/1.1 200"):
                assert b"HTTP" not in trickle(client, b"G")
                return
        assert time.monotonic() < until, "it answered no first request"


@pytest.mark.parametrize("sent", ["Content-Length: 90000", "Transfer-Encoding: chunked"])
def test_a_body_that_trickles_in_is_answered_408_and_cut_off(hurried: str, sent: str) -> None:
    until, answer = time.monotonic() + PATIENCE, b""
    while not answer.startswith(b"HTTP/1.1 408"):  # a busy machine may not come to read the body
        assert time.monotonic() < until, answer
        with connected(hurried) as client:
            client.sendall(f"{HEAD}{sent}\r\n\r\n".encode())
            answer = trickle(client, b"1\r\nx\r\n")
    assert b"sending this took over 0.5 s" in answer
    assert is_up(hurried)


def test_who_does_not_read_answers_is_cut_off(hurried: str) -> None:
    with connected(hurried) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        asked = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            ask_without_reading(client, asked)
    assert is_up(hurried)


def test_an_upload_that_announces_too_much_is_refused_before_it_is_sent(patient: str) -> None:
    with connected(patient) as client:
        client.sendall(f"{HEAD}Content-Length: 99999999999\r\n\r\n".encode())
        assert client.recv(65_536).startswith(b"HTTP/1.1 413")
    assert is_up(patient)


def test_chunks_that_add_up_to_too_much_are_refused(patient: str) -> None:
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    with connected(patient) as client:
        client.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode() + 4 * chunk)
        assert client.recv(65_536).startswith(b"HTTP/1.1 413")
    assert is_up(patient)


def test_a_body_longer_than_announced_is_not_read_as_part_of_it(patient: str) -> None:
    with connected(patient) as client:
        client.sendall(f"{HEAD}Content-Length: 3\r\n\r\n".encode() + b"abc" + b"x" * 200_000)
        answers = trickle(client, b"x")
    assert answers.startswith(b"HTTP/1.1 415"), "three bytes are no image"
    assert answers.count(b"HTTP/1.1 ") <= 2, "and what follows is no request"
    assert is_up(patient)


def test_a_large_upload_that_is_allowed_passes(patient: str) -> None:
    with connected(patient) as client:
        body = b"x" * 99_000
        client.sendall(f"{HEAD}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
        client.sendall(body)
        assert everything(client).startswith(b"HTTP/1.1 415")
