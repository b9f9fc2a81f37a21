"""Workers of a cluster: their errors stay errors for persons, and all have one version."""

import json
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo import __version__
from zoo.cluster import Cluster, Guarded, connected, ended, room_for, unguarded
from zoo.cluster.reach import _check_room, _refused, _start
from zoo.errors import (
    DataError,
    IntegrityError,
    InterruptedRunError,
    RankzooError,
    UnavailableError,
    UsageError,
)
from zoo.experiments.runner import Runner
from zoo.serve.shards import Shard
from zoo.training.on_ray import TOLD, _train


class Fails:
    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        return {"double": 2 * row["n"]}


def test_an_answer_comes_back_as_it_is() -> None:
    assert unguarded(Guarded(Fails, (None,), __version__)({"n": 3})) == {"double": 6}


@pytest.mark.parametrize("kind", [UsageError, DataError, UnavailableError, IntegrityError])
def test_an_error_comes_back_as_what_it_was(kind: type[RankzooError]) -> None:
    row = Guarded(Fails, (kind("what", "do this"),), __version__)({})
    with pytest.raises(kind, match="what") as raised:
        unguarded(row)
    assert raised.value.hint == "do this"


def test_a_worker_of_another_version_is_refused() -> None:
    with pytest.raises(UnavailableError, match=f"a worker has rankzoo {__version__}, this is 0.0"):
        unguarded(Guarded(Fails, (None,), "0.0")({"n": 1}))


def test_gpus_follow_the_device_unless_somebody_says_how_many() -> None:
    assert Cluster().fit_for("cuda:1").gpus == 1
    assert Cluster().fit_for("cpu").gpus == 0
    assert Cluster(gpus=0.5).fit_for("cuda").gpus == 0.5


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
        torch.OutOfMemoryError("CUDA out of memory."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_worker_whose_memory_is_full_says_so(error: Exception) -> None:
    with pytest.raises(RankzooError, match="a worker's memory is full") as raised:
        unguarded(Guarded(Fails, (error,), __version__)({}))
    assert "smaller batches" in raised.value.hint


class Where:
    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {"folder": str(Path.cwd())}


def test_relative_names_start_where_who_asks_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")  # and back afterwards
    here = Guarded(Where, (), __version__, str(tmp_path))
    assert unguarded(here({})) == {"folder": str(tmp_path)}
    elsewhere = Guarded(Where, (), __version__, str(tmp_path / "not on this machine"))
    assert unguarded(elsewhere({})) == {"folder": str(tmp_path)}


def test_an_error_that_nobody_foresaw_stays_whole() -> None:
    with pytest.raises(ZeroDivisionError):
        Guarded(Fails, (ZeroDivisionError(),), __version__)({})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Task died.\n\nThe node was low.\n", "a worker died 6 times: The node was low."),
        ("Memory usage on the node\nis high", "ended a worker 6 times: its machine's memory"),
        ("", "a worker died 6 times: RuntimeError"),
    ],
)
def test_what_ray_says_of_dead_workers_is_one_line(said: str, told: str) -> None:
    assert told in str(ended(RuntimeError(said), "a worker"))


def test_every_process_of_a_cluster_refuses_another_version(tmp_path: Path) -> None:
    words = f"a worker has rankzoo {__version__}, this is 0.0"
    with pytest.raises(UnavailableError, match=words):
        Shard(1, "0.0")
    with pytest.raises(UnavailableError, match=words):
        Runner().run({}, tmp_path / "log", "0.0")
    config = {"arguments": ("never:called", None, None), "work": tmp_path, "version": "0.0"}
    with pytest.raises(UnavailableError, match=words):
        _train(config)
    with pytest.raises(UnavailableError, match=words):
        unguarded(json.loads((tmp_path / TOLD).read_text()))


def test_a_run_that_was_asked_to_stop_before_it_began_never_does(tmp_path: Path) -> None:
    runner = Runner()
    runner.ask(int(signal.SIGTERM))
    assert runner.run({}, tmp_path / "log", __version__) == InterruptedRunError.code
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("cluster", "room"),
    [
        (Cluster(), 7),
        (Cluster(cpus=2), 3),  # one of three CPUs is left over on each machine
        (Cluster(cpus=4 / 3), 5),
        (Cluster(cpus=0.5), 14),
        (Cluster(cpus=1, gpus=0.5), 4),
        (Cluster(cpus=8), 1),
    ],
)
def test_as_many_workers_are_started_as_the_living_machines_have_room_for(
    cluster: Cluster, room: int
) -> None:
    nodes = [
        {"Alive": True, "Resources": {"CPU": 4.0, "GPU": 2.0}},
        {"Alive": True, "Resources": {"CPU": 3.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    assert room_for(cluster, nodes) == room


def test_more_than_this_machine_has_is_refused_before_it_is_waited_for() -> None:
    with pytest.raises(UsageError, match="3 x 2 CPUs are asked for, this machine has 4"):
        _check_room(Cluster(cpus=2), 3, {"CPU": 4.0})
    with pytest.raises(UsageError, match="1 x 0.5 GPUs are asked for, this machine has 0"):
        _check_room(Cluster(gpus=0.5), 1, {"CPU": 4.0})


@pytest.mark.filterwarnings("ignore")
def test_a_part_of_ray_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray.serve", None)
    with (
        pytest.raises(UsageError, match=r"needs Ray, and its part ray\.serve") as told,
        connected(Cluster("127.0.0.1:1"), "serve"),
    ):
        pass
    assert told.value.hint == "pip install 'rankzoo[ray]'"


def test_without_an_address_a_cluster_is_started_whatever_else_runs_on_this_machine() -> None:
    asked: list[str] = []

    class Ray:
        def init(self, address: str, **others: Any) -> None:
            asked.append(address)

    for address in (None, "auto"):
        _start(Ray(), address)
    assert asked == ["local", "auto"]


@pytest.mark.parametrize(
    ("why", "told", "hint"),
    [
        (
            "Traceback … Unauthenticated: RPC error: InvalidAuthToken",
            "token",
            "RAY_AUTH_MODE=token",
        ),
        ("Authentication required: Unauthorized", "token", "RAY_AUTH_MODE=token"),
        ("Version mismatch: 2.9.3", "Version mismatch: 2.9.3", "one version"),
        ("nobody there", "cannot be reached: nobody there", "ray start --head"),
    ],
)
def test_why_a_cluster_refuses_is_told_with_what_to_do(why: str, told: str, hint: str) -> None:
    error = _refused("--address a:1", why)
    assert told in str(error)
    assert hint in error.hint


@pytest.fixture(params=["silent", "gone", "web"])
def stranger(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, str]]:
    """An address where something listens that is no cluster, and what is said of it."""
    answers = {"silent": None, "gone": b"", "web": b"HTTP/1.1 400 Bad Request\r\n\r\n"}
    says: bytes | None = answers[request.param]
    monkeypatch.setattr("zoo.cluster.reach.HELLO_S", 0.2 if says is None else 30.0)
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(60)

        def serve() -> None:
            guest = door.accept()[0]
            held.append(guest)
            if says is not None:
                with guest:
                    guest.recv(1_000)
                    guest.sendall(says)

        held: list[socket.socket] = []
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{door.getsockname()[1]}", "timed out" if says is None else "no cluster"
        thread.join()
        held[0].close()


@pytest.mark.filterwarnings("ignore")
def test_what_listens_and_is_no_cluster_is_not_waited_for(stranger: tuple[str, str]) -> None:
    address, words = stranger
    with pytest.raises(UnavailableError, match=words), connected(Cluster(address)):
        pass


@pytest.mark.filterwarnings("ignore")
def test_an_address_of_rays_client_is_refused() -> None:
    with pytest.raises(UsageError, match="no client"), connected(Cluster("ray://127.0.0.1:10001")):
        pass


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379"])
def test_no_cluster_at_an_address_is_one_line_with_the_code_for_out_of_reach(address: str) -> None:
    with (
        pytest.raises(UnavailableError, match=f"Ray: no cluster at --address {address}"),
        connected(Cluster(address)),
    ):
        pass
