"""A comparison on a cluster: the runs are the same, and a killed actor's run is done again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ray_cluster import killed_when
from zoo.cluster import Cluster, connected
from zoo.experiments.on_ray import launcher_on
from zoo.experiments.plan import Place, Plan
from zoo.experiments.run_store import RunStore
from zoo.experiments.schedule import Launch, carry_out

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]


def test_runs_on_actors_end_as_runs_here_one_of_them_killed(
    ray_address: str,
    plan_of: Callable[..., Plan],
    place_at: Callable[[Path], Place],
    in_process: Callable[[RunStore, Place], Launch],
    tmp_path: Path,
) -> None:
    whole = plan_of("smooth_ap")
    here, there = RunStore(whole, tmp_path / "here"), RunStore(whole, tmp_path / "there")
    carry_out(here, in_process(here, place_at(tmp_path / "here")))
    place = place_at(tmp_path / "there")
    logs = (tmp_path / "there" / "runs").rglob
    cluster = Cluster(ray_address, cpus=0.5)
    with connected(cluster) as ray:
        launch = launcher_on(ray, cluster, there, place)
        with killed_when(lambda: bool(list(logs("*.log"))), "ray::Runner.run") as killed:
            carry_out(there, launch)
        assert len(killed) == 1
        carry_out(there, launch)
    assert [o.status for o in there.outcomes().values()] == ["ok"] * whole.runs
    for trial, outcome in here.outcomes().items():
        assert there.outcomes()[trial].metrics == pytest.approx(
            outcome.metrics, abs=1e-6, nan_ok=True
        )
