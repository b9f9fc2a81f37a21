"""Starting, refusing to start, and stopping."""

import asyncio
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest
import torch

from zoo.data.preprocessing import Preprocessing
from zoo.embedding.identity import identify
from zoo.errors import UsageError
from zoo.index import Index, Record
from zoo.models import EmbedderConfig, build_embedder, load_embedder, save_embedder
from zoo.serve.connection import Hurried
from zoo.serve.refusal import RefusedError
from zoo.serve.run import (
    CONNECTIONS,
    GOODBYE,
    IDLE,
    _cannot_bind,
    address_of,
    bind,
    config_of,
    serve,
)
from zoo.serve.run import open_service as open_service_of
from zoo.serve.service import Service
from zoo.serve.settings import Settings

ROOT = Path(__file__).parents[2]


def test_a_taken_port_is_one_line() -> None:
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert address_of("127.0.0.1", first) == f"http://127.0.0.1:{port}/"
        with pytest.raises(UsageError, match=f"port {port} is taken") as refused:
            bind("127.0.0.1", port)
        client = socket.create_connection(first.getsockname())
        accepted, _ = first.accept()
    assert refused.value.hint == "--port 0 takes any free one"
    with client, accepted:  # a connection left behind, which keeps the port from other processes
        bind("127.0.0.1", port).close()  # free again at once


def test_connections_do_not_wait_for_acknowledgements() -> None:
    with bind("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP, "what asyncio looks at"


def test_a_host_of_elsewhere_cannot_be_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    error = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
    monkeypatch.setattr(socket.socket, "bind", Mock(side_effect=error))  # some machines bind any
    with pytest.raises(UsageError, match="--host 192.0.2.1 cannot be bound"):
        bind("192.0.2.1", 0)


def test_addresses_of_the_sixth_version_stand_in_brackets() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no ::1")
    with bind("::1", 0) as listening:
        assert address_of("::1", listening).startswith("http://[::1]:")


def test_without_a_token_nothing_is_opened_to_others(
    open_service: Callable[..., Service],
) -> None:
    service = open_service(host="0.0.0.0")
    with pytest.raises(UsageError, match="needs a token"):
        serve(service, lambda _: pytest.fail("it listens"))
    service.close()


def test_host_names_of_this_machine_count_once_there_is_a_token() -> None:
    assert Settings().host_names == {"localhost", "127.0.0.1"}
    assert socket.gethostname().lower() in Settings(token="a-long-enough-token").host_names


def test_a_port_that_is_not_allowed_is_told_with_those_that_are() -> None:
    refused = _cannot_bind("127.0.0.1", 80, OSError(errno.EACCES, "Permission denied"))
    assert (str(refused), refused.hint) == ("port 80 is not allowed", "choose --port above 1023")
    assert str(_cannot_bind("h", 1, OSError("odd"))) == "--host h cannot be bound: odd"


def test_a_server_stops_at_a_signal_and_leaves_nothing_behind(
    open_service: Callable[..., Service],
) -> None:
    service, before = open_service(port=0), signal.getsignal(signal.SIGTERM)
    told: list[Any] = []

    def ready(address: str) -> None:
        def ask() -> None:
            try:
                kept = HTTPConnection(urlsplit(address).netloc, timeout=60)
                kept.request("GET", "/health")
                answer = kept.getresponse()
                told.extend([kept, json.load(answer), answer.headers["server"]])
            finally:  # or the server would be waited for without end
                os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=ask).start()

    with pytest.raises(KeyboardInterrupt):
        serve(service, ready)
    kept, health, name = told
    assert (health, name) == ({"status": "ok"}, None)
    assert signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(RefusedError, match="closing"):
        asyncio.run(service.worker.run(list, 1))
    with closing(kept), pytest.raises(ConnectionRefusedError):
        # Open at this end, it has kept the port from every other process.
        socket.create_connection((kept.host, kept.port))


def test_a_thread_of_the_server_never_keeps_the_process(
    open_service: Callable[..., Service],
) -> None:
    service = open_service()
    (worker,) = (one for one in threading.enumerate() if one is service.worker._thread)
    assert (worker.name, worker.daemon) == ("rankzoo-worker", True)
    service.close()


def test_uvicorn_says_and_believes_nothing_of_its_own(
    open_service: Callable[..., Service],
) -> None:
    service = open_service()
    config = config_of(service)
    assert (config.log_config, config.access_log, config.server_header) == (None, False, False)
    assert config.proxy_headers is False, "a client could choose the address its rate is counted by"
    assert (config.loop, config.ws, config.http) == ("asyncio", "none", Hurried)
    limits = (config.timeout_keep_alive, config.timeout_graceful_shutdown, config.limit_concurrency)
    assert limits == (IDLE, GOODBYE, CONNECTIONS)
    service.close()


def test_models_are_opened_as_they_are_named(small_index: Path) -> None:
    from zoo.serve.models import Models

    folder = str(small_index.parent / "model")
    plain = open_service_of([small_index], Settings(), Models(offline=True))
    assert plain.library["idx"].encoder.identity.name == folder
    assert plain.detector is None
    plain.close()
    watching = open_service_of([small_index], Settings(), Models(detector=folder, offline=True))
    assert watching.detector is not None
    assert (watching.detector.name, watching.detector.model.training) == (folder, False)
    watching.close()


@pytest.fixture
def small_index(tmp_path: Path) -> Path:
    config = EmbedderConfig("test_resnet", preprocessing=Preprocessing(size=32, resize=32))
    save_embedder(build_embedder(config), tmp_path / "model")
    model = load_embedder(tmp_path / "model")
    records = [Record(f"{i}.png") for i in range(3)]
    vectors = torch.randn(3, model.dim)
    Index.from_vectors(tmp_path / "idx", vectors, records, identify(model, str(tmp_path / "model")))
    return tmp_path / "idx"


def every_option(index: Path) -> list[str]:
    """The options of a server of one process, with a value each."""
    token = index.parent / "token"
    token.write_text("a-long-enough-token")
    token.chmod(0o600)
    told = {
        "--port": 0,
        "--host": "127.0.0.1",
        "--host-name": "images.example",
        "--token-file": token,
        "--pictures": index.parent,
        "--max-upload-mb": 5,
        "--max-megapixels": 9,
        "--max-k": 50,
        "--rate": 5,
        "--timeout": 9,
        "--model": index.parent / "model",
        "--batch-size": 4,
        "--device": "cpu",
        "--shards": 1,
        "--replicas": 1,
    }
    return [*(str(word) for pair in told.items() for word in pair), "--offline", "--json"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_with_130_and_no_traceback(
    small_index: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "cli", "serve", str(small_index), *every_option(small_index)]
    server = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    started = json.loads(server.stdout.readline())
    assert started["indexes"] == ["idx"]
    with urllib.request.urlopen(f"{started['url']}health", timeout=60) as answer:
        assert json.load(answer) == {"status": "ok"}
    os.kill(server.pid, number)
    rest, errors = server.communicate(timeout=60)
    assert (server.returncode, rest, errors) == (130, "", "")


@pytest.mark.slow
def test_the_command_says_in_one_line_why_it_does_not_start(small_index: Path) -> None:
    command = [sys.executable, "-m", "cli", "serve", str(small_index), "--host", "0.0.0.0"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "needs a token" in ended.stderr
