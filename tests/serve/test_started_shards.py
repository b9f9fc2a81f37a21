"""Shards are started, told how, and ended again; Ray Serve itself is played here."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from tests.serve.test_shards import Here, asked_of
from tests.serve.test_shards import index as index
from zoo import __version__
from zoo.cluster import Cluster
from zoo.errors import UnavailableError, UsageError
from zoo.index import Index
from zoo.serve.shards import Router, Shard
from zoo.serve.spread import OURS, Spread, _check_room, spread


class Serve(ModuleType):
    """Stands for `ray.serve`: runs a shard in this process, and notes what it was told."""

    def __init__(self) -> None:
        super().__init__("ray.serve")
        self.applications: dict[str, Any] = {}
        self.deployed: list[dict[str, Any]] = []
        self.bound: list[tuple[Any, ...]] = []
        self.routes: list[Any] = []
        self.started: dict[str, Any] = {}
        self.fails = ""

    def start(self, **how: Any) -> None:
        self.started = how

    def status(self) -> Any:
        return SimpleNamespace(applications=dict(self.applications))

    def delete(self, name: str) -> None:
        self.applications.pop(name, None)  # Ray only warns of one it does not know

    def deployment(self, kind: type, **how: Any) -> Any:
        assert kind is Shard
        self.deployed.append(how)
        return SimpleNamespace(bind=self._bind)

    def _bind(self, *arguments: Any) -> tuple[Any, ...]:
        self.bound.append(arguments)
        return arguments

    def run(self, _: Any, name: str, route_prefix: Any) -> Any:
        if self.fails:
            raise RuntimeError(self.fails)
        self.routes.append(route_prefix)
        self.applications[name] = Here()
        return self.applications[name]


class Ray(ModuleType):
    """Stands for `ray`: actors by name, and how many CPUs there are."""

    def __init__(self, cpus: float) -> None:
        super().__init__("ray")
        self.serve = Serve()
        self.cpus = cpus
        self.actors: set[str] = set()

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": self.cpus}

    def remote(self, **how: Any) -> Callable[[type], Any]:
        assert how == {"num_cpus": 0}, "who keeps takes no CPU of a shard"
        return lambda _: SimpleNamespace(options=self._options)

    def _options(self, name: str, namespace: str) -> Any:
        assert namespace == OURS
        self.actors.add(name)
        ready = SimpleNamespace(remote=lambda: None)
        return SimpleNamespace(remote=lambda: SimpleNamespace(__ray_ready__=ready))

    def get(self, value: Any) -> Any:
        return value

    def get_actor(self, name: str, namespace: str) -> str:
        if namespace != OURS or name not in self.actors:
            raise ValueError(name)
        return name


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Ray:
    """A cluster of four CPUs, once connected to."""
    played = Ray(4.0)

    @contextmanager
    def connected(_: Cluster, *parts: str) -> Iterator[Ray]:
        assert parts == ("serve",)
        yield played

    monkeypatch.setattr("zoo.serve.spread.connected", connected)
    monkeypatch.setitem(sys.modules, "ray", played)
    monkeypatch.setitem(sys.modules, "ray.serve", played.serve)
    return played


def test_shards_answer_as_one_process_and_end_with_the_server(ray: Ray, index: Index) -> None:
    queries = torch.randn(3, 16)
    with spread(Spread(Cluster("a:1"), shards=3, seconds=7)) as open_reader:
        router = open_reader(index.folder)
        assert isinstance(router, Router)
        assert (len(router.handles), router.seconds) == (3, 7)
        assert asked_of(router, queries) == asked_of(index, queries)
        names = list(ray.serve.applications)
        (own,) = ray.actors
        assert names == [f"{own}-shard-{n}" for n in range(3)]
        assert own.startswith(OURS)
        assert ray.serve.started == {"proxy_location": "Disabled"}
        assert ray.serve.routes == [None] * 3, "only this process answers HTTP"
    assert ray.serve.applications == {}


@pytest.mark.parametrize(("cpus", "threads"), [(1, 1), (0.5, 1), (2, 2), (1.5, 1)])
def test_a_shard_has_the_replicas_the_cpus_and_a_thread_for_each_whole_one(
    ray: Ray, cpus: float, threads: int
) -> None:
    with spread(Spread(Cluster(cpus=cpus), shards=1, replicas=2)):
        (told,) = ray.serve.deployed
        assert ray.serve.bound == [(threads, __version__)]
        (name,) = ray.serve.applications
    assert told["name"] == name.removeprefix(OURS)
    assert (told["num_replicas"], told["ray_actor_options"]) == (2, {"num_cpus": cpus})
    assert 0 < told["health_check_period_s"] < told["health_check_timeout_s"] <= 5
    assert told["logging_config"] == {"log_level": "ERROR"}


def test_shards_of_a_server_that_was_killed_go_and_those_of_others_stay(ray: Ray) -> None:
    ray.actors.add(f"{OURS}alive")
    others = [f"{OURS}alive-shard-0", "somebody-elses"]
    ray.serve.applications = dict.fromkeys([f"{OURS}dead-shard-0", *others])
    with spread(Spread(Cluster())):
        kept = [name for name in ray.serve.applications if name in (*others, f"{OURS}dead-shard-0")]
        assert kept == others
    assert list(ray.serve.applications) == others


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Traceback\n  zoo.Error: another version\nmore of Ray's", "zoo.Error: another version"),
        ("no", "no"),
    ],
)
def test_a_shard_that_does_not_start_is_told_in_the_words_of_its_own_error(
    ray: Ray, said: str, told: str
) -> None:
    ray.serve.fails = said
    with (
        pytest.raises(UnavailableError, match=f"a shard does not start: {told}$"),
        spread(Spread(Cluster())),
    ):
        pytest.fail("it started")


def test_an_index_that_a_shard_does_not_see_is_refused_when_it_is_opened(
    ray: Ray, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Router.open(index.folder)
    shutil.rmtree(index.segments[1].home)  # what a machine sees that does not have the folder
    monkeypatch.setattr(Router, "open", lambda _: opened)
    with (
        spread(Spread(Cluster(), shards=2)) as open_reader,
        pytest.raises(UnavailableError, match="shard 1 cannot search .*000002"),
    ):
        open_reader(index.folder)
    assert ray.serve.applications == {}


def test_exactly_as_many_cpus_as_there_are_may_be_taken() -> None:
    _check_room(Spread(Cluster(), 2, 2), {"CPU": 4.0})
    with pytest.raises(UsageError, match="1 shards x 1 replicas take 1 CPUs, the cluster has 0"):
        _check_room(Spread(Cluster()), {})
    with pytest.raises(UsageError, match="1 shards x 1 replicas take 0.5 CPUs, the cluster has 0"):
        _check_room(Spread(Cluster(cpus=0.5)), {})


def test_a_shard_tells_the_memory_it_holds_and_what_of_it_are_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shard = Shard(1, __version__)
    for told in ((5, 3), (None, None)):
        monkeypatch.setattr("zoo.serve.shards.memory_held", lambda told=told: told[0])
        monkeypatch.setattr("zoo.serve.shards.memory_mapped", lambda told=told: told[1])
        assert shard.held() == (told[0] or 0, told[1] or 0)


class Late:
    """An answer that times out, or whose replica is gone; `died` as often as the handle says."""

    def __init__(self, handle: "Dying", asked: Any) -> None:
        self.handle, self.asked, self.cancelled = handle, asked, False

    def result(self, timeout_s: float) -> Any:
        self.handle.patience.append(timeout_s)
        if self.handle.deaths > 0:
            self.handle.deaths -= 1
            raise self.handle.error
        return self.handle.shard.search(self.asked)

    def cancel(self) -> None:
        self.handle.cancelled += 1


class Dying(Here):
    """A shard whose replicas fail so many times with an error, then answer."""

    def __init__(self, deaths: int, error: Exception) -> None:
        super().__init__()
        self.deaths, self.error = deaths, error
        self.patience: list[float] = []
        self.cancelled = 0

    def remote(self, asked: Any) -> Any:
        self.heard.append(asked)
        return Late(self, asked)


def routed(index: Index, *handles: Any, seconds: float = 30) -> Router:
    router = Router.open(index.folder)
    router.handles, router.seconds = handles, seconds
    return router


def test_a_search_whose_replica_dies_is_asked_of_another(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.serve.shards._died", lambda error: isinstance(error, OSError))
    queries, dying = torch.randn(2, 16), Dying(2, OSError("gone"))
    router = routed(index, Here(), dying)
    assert router.search(queries, 10) == index.search(queries, 10)
    assert (len(dying.heard), router.absent()) == (3, ())
    out_of_time = routed(index, Here(), Dying(99, OSError("gone")), seconds=0)
    out_of_time.search(queries, 10)
    assert out_of_time.absent() == ("shard 1",)
    with pytest.raises(ZeroDivisionError):
        routed(index, Dying(1, ZeroDivisionError())).search(queries, 10)


def test_a_shard_that_stayed_away_is_waited_for_less_and_no_second_answer_is_kept(
    index: Index,
) -> None:
    queries, away = torch.randn(1, 16), Dying(99, TimeoutError())
    router = routed(index, away, seconds=30)
    router.search(queries, 10)
    assert 0.2 < away.patience[0] <= 30
    assert (router.absent(), away.cancelled) == (("shard 0",), 0)
    router.search(queries, 10)
    assert 0 <= away.patience[-1] <= 0.2
    assert away.patience[1] == 0, "the late answer is only looked at"
    assert away.cancelled == 1, "one answer is waited for aside, not two"
    assert len(router._late) == 1


def test_a_late_answer_that_failed_is_forgotten(index: Index) -> None:
    router = routed(index, away := Dying(1, TimeoutError()))
    router.search(torch.randn(1, 16), 10)
    away.deaths, away.error = 1, OSError("gone")
    router._look_again()
    assert router._late == {}
    assert router.absent() == ("shard 0",)


def test_a_replica_died_where_ray_says_so_and_not_where_its_work_failed() -> None:
    exceptions = pytest.importorskip("ray.exceptions")
    from zoo.serve.shards import _died

    assert _died(exceptions.ActorDiedError())
    assert not _died(exceptions.RayTaskError("search", "traceback", ValueError("x")))
    assert not _died(ValueError("x"))


def test_a_segment_is_opened_once_whoever_asks_again(index: Index, tmp_path: Path) -> None:
    router = routed(index, here := Here())
    for _ in range(3):
        router.search(torch.randn(1, 16), 10)
    facts = here.shard.opened.cache_info()
    assert (facts.misses, facts.hits) == (4, 8)
