"""Reaching a cluster, played by a module and a socket: what is asked, told and tried again."""

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

import pytest

from zoo.cluster import RETRIES, Cluster, connected, mapped
from zoo.cluster.reach import HELLO, STARTS, _check_room, _knock, _reason, _start
from zoo.errors import UnavailableError, UsageError


class Ray(ModuleType):
    """Stands for `ray`: fails so many times to start, and notes what it was told."""

    def __init__(self, failures: int = 0, cpus: float = 4.0) -> None:
        super().__init__("ray")
        self.failures, self.cpus = failures, cpus
        self.told: list[dict[str, Any]] = []
        self.ended = 0

    def init(self, **told: Any) -> None:
        self.told.append(told)
        if len(self.told) <= self.failures:
            raise OSError(f"try {len(self.told)}") from ValueError("its processes are slow")

    def shutdown(self) -> None:
        self.ended += 1

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": self.cpus}


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ray]:
    """Put a played Ray where the real one would be imported from."""

    def play(**how: Any) -> Ray:
        ray = Ray(**how)
        monkeypatch.setitem(sys.modules, "ray", ray)
        return ray

    for name in ("RAY_BACKEND_LOG_LEVEL", "RAY_NUM_REDIS_GET_RETRIES"):
        monkeypatch.delenv(name, raising=False)
    return play


def test_a_connection_lasts_as_long_as_its_block(played: Callable[..., Ray]) -> None:
    ray = played()
    with connected(Cluster(cpus=2), workers=2) as found:
        assert found is ray
        assert ray.ended == 0
    assert ray.ended == 1
    quiet = {"include_dashboard": False, "logging_level": "ERROR", "log_to_driver": False}
    assert ray.told == [{"address": "local", **quiet}]
    assert os.environ["RAY_BACKEND_LOG_LEVEL"] == "fatal"
    assert os.environ["RAY_NUM_REDIS_GET_RETRIES"] == "2"


def test_what_the_environment_says_of_ray_already_is_left(
    played: Callable[..., Ray], monkeypatch: pytest.MonkeyPatch
) -> None:
    played()
    monkeypatch.setenv("RAY_BACKEND_LOG_LEVEL", "debug")
    with connected(Cluster()):
        assert os.environ["RAY_BACKEND_LOG_LEVEL"] == "debug"


def test_work_that_has_no_room_here_ends_the_cluster_it_started(
    played: Callable[..., Ray],
) -> None:
    ray = played(cpus=3.0)
    with pytest.raises(UsageError, match="2 x 2 CPUs"), connected(Cluster(cpus=2), workers=2):
        pytest.fail("it had room")
    assert ray.ended == 1
    with connected(Cluster("auto", cpus=2), workers=2):  # a running cluster may grow
        pass
    with connected(Cluster(cpus=3)):  # one worker, unless more must be at work at once
        pass


def test_room_is_counted_to_the_last_cpu_and_gpu() -> None:
    _check_room(Cluster(cpus=2, gpus=1), 2, {"CPU": 4.0, "GPU": 2.0})
    _check_room(Cluster(cpus=2), 2, {"CPU": 4.0})  # no GPU is asked for where nobody says so
    _check_room(Cluster(cpus=0), 2, {})
    with pytest.raises(UsageError, match="1 x 0.5 CPUs are asked for, this machine has 0"):
        _check_room(Cluster(cpus=0.5), 1, {})
    with pytest.raises(UsageError, match="2 x 1 GPUs are asked for, this machine has 1"):
        _check_room(Cluster(cpus=1, gpus=1), 2, {"CPU": 2.0, "GPU": 1.0})


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_a_local_cluster_that_is_slow_to_start_is_tried_three_times(failures: int) -> None:
    ray = Ray(failures)
    _start(ray, None)
    assert (len(ray.told), ray.ended) == (failures + 1, failures)


@pytest.mark.parametrize(("address", "tries"), [(None, 3), ("auto", 1)])
def test_what_does_not_start_is_told_by_what_began_the_errors(
    address: str | None, tries: int
) -> None:
    assert STARTS == 3
    ray = Ray(failures=9)
    with pytest.raises(UnavailableError, match="cannot be reached: its processes are slow") as told:
        _start(ray, address)
    where = "a local cluster" if address is None else "--address auto"
    assert where in str(told.value)
    assert (len(ray.told), ray.ended) == (tries, tries)


def test_what_began_a_chain_of_errors_is_told_on_one_line() -> None:
    first, last = ValueError("two\n  lines"), OSError("last")
    last.__context__ = first
    assert _reason(last) == "two lines"
    last.__cause__ = KeyError("cause")
    assert _reason(last) == "'cause'"
    assert _reason(TimeoutError()) == "TimeoutError"


@contextmanager
def listening(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """An address that answers one guest piece by piece, and what the guest said."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            guest, _ = door.accept()
            guest.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with guest:
                heard.append(guest.recv(1_000))
                for answer in answers:
                    guest.sendall(answer)
                guest.settimeout(20)
                with suppress(ConnectionError):
                    guest.recv(1)  # until who knocked has left

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{door.getsockname()[1]}", heard
        thread.join()


@pytest.mark.parametrize("answers", [(bytes([0, 0, 0, 4, 0]),), (b"\0", b"\0\0", b"\4\0\0\0\0")])
def test_who_greets_as_grpc_does_is_let_through_after_four_bytes(answers: tuple[bytes]) -> None:
    with listening(*answers) as (address, heard):
        _knock(address)
    assert heard == [HELLO]
    preface, settings = HELLO.split(b"SM\r\n\r\n")
    assert preface == b"PRI * HTTP/2.0\r\n\r\n"
    assert list(settings) == [0, 0, 0, 4, 0, 0, 0, 0, 0], "an empty SETTINGS frame (RFC 9113)"


def test_a_frame_of_another_kind_is_no_greeting() -> None:
    with (
        listening(bytes([0, 0, 0, 6, 0])) as (address, _),
        pytest.raises(UnavailableError, match=f"what answers at --address {address} is no cluster"),
    ):
        _knock(address)


def test_over_tls_whoever_opens_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USE_TLS", "1")
    with socket.create_server(("127.0.0.1", 0)) as door:
        _knock(f"127.0.0.1:{door.getsockname()[1]}")


@pytest.mark.parametrize("address", [None, "auto", "head", "head:", ":6379", "head:port"])
def test_what_names_no_port_of_a_host_is_left_to_ray(address: str | None) -> None:
    _knock(address)


def test_a_port_beyond_the_last_is_no_cluster() -> None:
    with pytest.raises(UnavailableError, match="no cluster at --address 127.0.0.1:99999"):
        _knock("127.0.0.1:99999")


class Context:
    """Stands for Ray Data's settings."""

    enable_progress_bars = True
    print_on_execution_start = True


class Data(ModuleType):
    """Stands for `ray.data`: maps rows in this process, and notes what it was told."""

    def __init__(self) -> None:
        super().__init__("ray.data")
        self.context, self.told, self.blocks = Context(), dict[str, Any](), 0
        self.DataContext = type("Current", (), {"get_current": lambda: self.context})

    def ActorPoolStrategy(self, **sizes: int) -> dict[str, int]:  # noqa: N802 (Ray's name)
        return sizes

    def from_items(self, rows: list[dict[str, Any]], override_num_blocks: int) -> "Data":
        self.rows, self.blocks = rows, override_num_blocks
        return self

    def map(self, actor: Callable[..., Any], fn_constructor_args: Any, **told: Any) -> "Data":
        self.actor, self.told = actor(*fn_constructor_args), told
        return self

    def iter_rows(self) -> Iterator[Any]:
        return map(self.actor, self.rows)


def double(row: dict[str, int]) -> dict[str, int]:
    return {"twice": 2 * row["n"]}


@pytest.mark.parametrize("gpus", [None, 0, 0.5])
def test_rows_go_to_as_many_actors_as_there_is_room_for_and_come_back(
    played: Callable[..., Ray], monkeypatch: pytest.MonkeyPatch, gpus: float | None
) -> None:
    ray: Any = played()
    ray.data, ray.exceptions = Data(), ModuleType("ray.exceptions")
    ray.exceptions.RayError = RuntimeError
    ray.nodes = lambda: [{"Alive": True, "Resources": {"CPU": 4.0, "GPU": 1.0}}]
    monkeypatch.setitem(sys.modules, "ray.data", ray.data)
    monkeypatch.setitem(sys.modules, "ray.exceptions", ray.exceptions)
    rows = [{"n": n} for n in range(9)]
    found = list(mapped(rows, lambda: double, (), Cluster(cpus=2, gpus=gpus)))
    assert found == [{"twice": 2 * n} for n in range(9)]
    data = ray.data
    assert data.blocks == 9, "a row is done again alone"
    assert data.told["compute"] == {"min_size": 2, "max_size": 9}
    assert (data.told["num_cpus"], data.told["num_gpus"]) == (2, gpus or None)
    again = {"max_restarts": 5, "max_task_retries": 5}
    assert RETRIES == 5, "as the guide says"
    assert data.told["ray_remote_args_fn"]() == again
    assert not data.context.enable_progress_bars
    assert not data.context.print_on_execution_start
