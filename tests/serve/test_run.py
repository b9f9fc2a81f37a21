"""Starting, refusing to start, and stopping."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from zoo.data.preprocessing import Preprocessing
from zoo.embedding.identity import identify
from zoo.errors import UsageError
from zoo.index import Index, Record
from zoo.models import EmbedderConfig, build_embedder, load_embedder, save_embedder
from zoo.serve.run import address_of, bind
from zoo.serve.service import Service
from zoo.serve.settings import Settings

ROOT = Path(__file__).parents[2]


def test_a_taken_port_is_one_line() -> None:
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert address_of("127.0.0.1", first) == f"http://127.0.0.1:{port}/"
        with pytest.raises(UsageError, match=f"port {port} is taken") as refused:
            bind("127.0.0.1", port)
    assert refused.value.hint == "--port 0 takes any free one"
    bind("127.0.0.1", port).close()  # free again at once


def test_connections_do_not_wait_for_acknowledgements() -> None:
    with bind("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP, "what asyncio looks at"


def test_a_host_of_elsewhere_cannot_be_bound() -> None:
    with pytest.raises(UsageError, match="--host 192.0.2.1 cannot be bound"):
        bind("192.0.2.1", 0)


def test_addresses_of_the_sixth_version_stand_in_brackets() -> None:
    if not socket.has_ipv6:
        return
    with bind("::1", 0) as listening:
        assert address_of("::1", listening).startswith("http://[::1]:")


def test_without_a_token_nothing_is_opened_to_others(
    open_service: Callable[..., Service],
) -> None:
    from zoo.serve.run import serve

    service = open_service(host="0.0.0.0")
    with pytest.raises(UsageError, match="needs a token"):
        serve(service, lambda _: pytest.fail("it listens"))
    service.close()


def test_host_names_of_this_machine_count_once_there_is_a_token() -> None:
    assert Settings().host_names == {"localhost", "127.0.0.1"}
    assert socket.gethostname().lower() in Settings(token="a-long-enough-token").host_names


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
    with urllib.request.urlopen(f"{started['url']}health", timeout=10) as answer:
        assert json.load(answer) == {"status": "ok"}
    os.kill(server.pid, number)
    rest, errors = server.communicate(timeout=20)
    assert (server.returncode, rest, errors) == (130, "", "")


@pytest.mark.slow
def test_the_command_says_in_one_line_why_it_does_not_start(small_index: Path) -> None:
    command = [sys.executable, "-m", "cli", "serve", str(small_index), "--host", "0.0.0.0"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "needs a token" in ended.stderr
