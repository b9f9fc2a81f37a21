"""Several processes as one, here threads of one, and what torchrun sets or a person set by hand."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from tests.cli.walk import rankzoo
from tests.process_threads import Group
from zoo.device import told
from zoo.errors import UsageError
from zoo.training import distributed
from zoo.training.distributed import World, join_world, leave_world


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_a_number_is_read_and_a_process_that_nobody_started_is_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert told("WORLD_SIZE", 1) == 1
    assert told("LOCAL_RANK", 0) == 0
    assert join_world(torch.device("cpu")) == World(0, 1)
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert told("WORLD_SIZE", 1) == 8
    assert told("LOCAL_RANK", 0) == 0


@pytest.mark.parametrize("value", ["two", "", "-1", "1.5", "0"])
def test_what_is_no_number_of_processes_is_refused(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", value)
    with pytest.raises(UsageError, match="WORLD_SIZE is '.*', not a number from 1"):
        told("WORLD_SIZE", 1)


def test_others_that_cannot_be_met_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="is 2, and RANK, MASTER_ADDR, MASTER_PORT not set"):
        join_world(torch.device("cpu"))
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    monkeypatch.setenv("MASTER_PORT", "29500")
    monkeypatch.setenv("RANK", "first")
    with pytest.raises(UsageError, match="RANK is 'first'"):
        join_world(torch.device("cpu"))


def test_the_command_says_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "two")
    code, said = rankzoo("train", "emoji-recall_at_k")
    assert code == 2
    assert "WORLD_SIZE is 'two'" in said["error"]


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> Group:
    group = Group(3)
    monkeypatch.setattr(distributed, "dist", group)
    monkeypatch.setattr("zoo.losses.distributed.distributed", group)
    return group


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_gradients_are_summed_each_in_its_place(three: Group, scale: float) -> None:
    drawn = [[torch.randn(2, 3), torch.randn(4)] for _ in range(3)]

    def work(rank: int) -> list[Tensor | None]:
        parameters = [nn.Parameter(torch.zeros(shape)) for shape in ((2, 3), (5,), (4,))]
        for parameter, gradient in zip(parameters[::2], drawn[rank], strict=True):
            parameter.grad = gradient.clone()
        World(rank, 3).sum_gradients(parameters, scale)
        return [parameter.grad for parameter in parameters]

    for wide, none, flat in three.run(work):
        assert none is None
        torch.testing.assert_close(wide, scale * sum(each[0] for each in drawn))
        torch.testing.assert_close(flat, scale * sum(each[1] for each in drawn))


def test_where_nothing_has_a_gradient_nobody_waits(three: Group) -> None:
    three.run(lambda rank: World(rank, 3).sum_gradients([nn.Parameter(torch.zeros(2))]))
    assert all(not len(each) for each in three.held)


def test_embeddings_come_together_in_order_and_ones_own_carry_the_gradient(
    three: Group,
) -> None:
    def work(rank: int) -> tuple[Tensor, Tensor | None]:
        own = torch.full((2, 1), float(rank), requires_grad=True)
        every = World(rank, 3).gather(own)
        every.sum().backward()  # type: ignore[no-untyped-call]
        return every.detach(), own.grad

    for every, gradient in three.run(work):
        assert every[:, 0].tolist() == [0, 0, 1, 1, 2, 2]
        assert gradient is not None
        assert gradient.tolist() == [[1], [1]]


def test_statistics_are_the_first_process_s_in_all(three: Group) -> None:
    def work(rank: int) -> list[list[float]]:
        norm = nn.BatchNorm1d(2)
        norm.running_mean = torch.full((2,), float(rank + 5))
        World(rank, 3).share_buffers(norm)
        return [buffer.reshape(-1).tolist() for buffer in norm.buffers()]

    assert three.run(work) == [[[5, 5], [1, 1], [0]]] * 3


@pytest.mark.parametrize("raised", [(), (0,), (2,), (0, 1, 2)])
def test_a_stop_asked_of_one_stops_all(three: Group, raised: tuple[int, ...]) -> None:
    cpu = torch.device("cpu")
    assert three.run(lambda rank: World(rank, 3).any(rank in raised, cpu)) == [bool(raised)] * 3


def test_nobody_goes_on_before_all_have_come(three: Group) -> None:
    came: list[int] = []

    def work(rank: int) -> int:
        came.append(rank)
        World(rank, 3).wait()
        return len(came)

    assert three.run(work) == [3, 3, 3]


def test_one_process_leads_and_the_slices_are_the_batch() -> None:
    worlds = [World(rank, 3) for rank in range(3)]
    assert [world.leads for world in worlds] == [True, False, False]
    items = list(range(12))
    assert [items[world.part(12)] for world in worlds] == [items[:4], items[4:8], items[8:]]
    for count in (10, 11):
        with pytest.raises(UsageError, match=f"a batch of {count} cannot be shared by 3"):
            worlds[0].part(count)


def test_a_process_alone_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "dist", None)
    alone, points = World(), torch.ones(2, 3)
    parameter = nn.Parameter(torch.zeros(2))
    parameter.grad = torch.ones(2)
    alone.sum_gradients([parameter], scale=0.5)
    assert parameter.grad.tolist() == [1, 1]
    assert alone.gather(points) is points
    alone.share_buffers(nn.BatchNorm1d(2))
    alone.wait()
    assert [alone.any(flag, torch.device("cpu")) for flag in (True, False)] == [True, False]
    assert alone.part(5) == slice(0, 5)


@pytest.mark.parametrize(("device", "backend"), [("cpu", "gloo"), ("cuda", "nccl")])
def test_processes_of_torchrun_join_one_group_and_leave_it(
    device: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[str] = []
    fake = SimpleNamespace(
        init_process_group=groups.append,
        is_initialized=lambda: bool(groups),
        destroy_process_group=groups.clear,
        get_rank=lambda: 1,
        get_world_size=lambda: 2,
    )
    monkeypatch.setattr(distributed, "dist", fake)
    assert join_world(torch.device(device)) == World()
    leave_world()
    assert groups == []
    for name, value in (("WORLD_SIZE", "2"), ("RANK", "1"), ("MASTER_ADDR", "localhost")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_PORT", "29500")
    for _ in range(2):  # who has joined stays
        assert join_world(torch.device(device)) == World(1, 2)
        assert groups == [backend]
    leave_world()
    assert groups == []
