"""Conditions that never end: they hold up nobody, and no order of stopping kills the process."""

import asyncio
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
import torch
from starlette.testclient import TestClient

from zoo.embedding.identity import ModelIdentity
from zoo.embedding.rows import Record
from zoo.errors import RankzooError
from zoo.index import Index
from zoo.index.reader import Reader
from zoo.serve.conditions import Conditions
from zoo.serve.refusal import RefusedError
from zoo.serve.snapshot import Snapshot

TABLES = ", ".join(f"items t{number}" for number in range(12))
ENDLESS = f"(select max(t1.id + t11.id) from {TABLES}) > 5"
ORDERS = int(os.environ.get("RANKZOO_ORDERS", "600"))  # 4,000 take a minute


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """An index of 64 items."""
    records = [Record(f"{number}.png") for number in range(64)]
    identity = ModelIdentity("m", "0" * 64, {})
    Index.from_vectors(tmp_path / "small", torch.eye(64), records, identity)
    return tmp_path / "small"


def test_an_honest_condition_is_answered_beside_six_that_never_end(small: Path) -> None:
    async def scene() -> tuple[int, float, list[BaseException | object]]:
        conditions, snapshot = Conditions(alone_s=60.0, crowded_s=0.2), Snapshot(Reader.open(small))
        endless = [
            asyncio.ensure_future(
                conditions.run(lambda stop, n=n: snapshot.filtered(f"{ENDLESS} + {n}", stop))  # type: ignore[misc]
            )
            for n in range(6)
        ]
        await asyncio.sleep(0)
        began = time.monotonic()
        found = await conditions.run(lambda stop: snapshot.filtered("id < 3", stop))
        took = time.monotonic() - began
        conditions.close()
        ended = await asyncio.gather(*endless, return_exceptions=True)
        snapshot.release()
        return found.count, took, list(ended)

    count, took, ended = asyncio.run(scene())
    assert count == 3
    assert took < 30  # three rounds of two that get 0.2 s each, where each may take 60 s alone
    assert all(isinstance(error, RefusedError) for error in ended[:4])
    assert "others are waiting" in str(ended[0])


def test_a_condition_ends_when_its_time_is_up(small: Path) -> None:
    async def scene() -> None:
        conditions, snapshot = Conditions(alone_s=0.1), Snapshot(Reader.open(small))
        try:
            await conditions.run(lambda stop: snapshot.filtered(ENDLESS, stop))
        finally:
            conditions.close()
            snapshot.release()

    with pytest.raises(RefusedError, match=r"condition .*: interrupted: it takes more than 0.1 s"):
        asyncio.run(scene())


def test_a_condition_ends_when_nobody_waits_for_it_any_more(small: Path) -> None:
    async def scene() -> float:
        conditions, snapshot = Conditions(alone_s=60.0), Snapshot(Reader.open(small))
        asked = asyncio.ensure_future(conditions.run(lambda s: snapshot.filtered(ENDLESS, s)))
        await asyncio.sleep(0.05)
        asked.cancel()
        began = time.monotonic()
        await asyncio.gather(asked, return_exceptions=True)
        await asyncio.to_thread(conditions._threads.shutdown)
        snapshot.release()
        return time.monotonic() - began

    assert asyncio.run(scene()) < 30


def test_a_line_that_is_too_long_and_a_closed_one_are_refused(small: Path) -> None:
    async def scene() -> None:
        conditions = Conditions(waiting=0)
        with pytest.raises(RefusedError, match="too many"):
            await conditions.run(lambda stop: stop())
        conditions.close()
        with pytest.raises(RefusedError, match="closing"):
            await conditions.run(lambda stop: stop())

    asyncio.run(scene())


@pytest.mark.usefixtures("patient_conditions")
def test_a_client_that_leaves_frees_what_it_asked_for(
    address: Callable[..., str], idx: Path
) -> None:
    where = f"(select max(t1.id + t11.id) from {TABLES}) > 5"
    home, soon = address(), httpx2.Timeout(60, read=0.3)
    for _ in range(4):
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.get(f"{home}api/indexes/idx/items", params={"where": where}, timeout=soon)
    found = httpx2.get(f"{home}api/indexes/idx/items", params={"where": "id < 3"}, timeout=60)
    assert found.json()["total"] == 3
    until = time.monotonic() + 60
    while 'status="499"} 4.0' not in httpx2.get(f"{home}metrics", timeout=60).text:
        assert time.monotonic() < until, "the server did not see four clients leave"


@pytest.mark.usefixtures("patient_conditions")
def test_a_server_stops_while_a_condition_runs(
    client: Callable[..., TestClient], idx: Path
) -> None:
    from zoo.serve.settings import Limits

    ask = client(limits=Limits(rate=0, seconds=0.5))
    answer = ask.get("/api/indexes/idx/items", params={"where": ENDLESS})
    assert answer.status_code == 504


async def _order(small: Path, dice: random.Random) -> str:
    """Start conditions and end everything around them, in any order."""
    conditions, snapshot = (
        Conditions(alone_s=dice.choice((0.001, 60.0))),
        Snapshot(Reader.open(small)),
    )
    asked = [
        asyncio.ensure_future(
            conditions.run(lambda stop, n=n: snapshot.filtered(f"{ENDLESS} + {n}", stop))  # type: ignore[misc]
        )
        for n in range(dice.randint(1, 4))
    ]
    acts: list[Callable[[], object]] = [
        conditions.close,  # the server stops
        snapshot.release,  # a newer generation was taken
        lambda: [task.cancel() for task in asked],  # a time-out, or the client left
    ]
    dice.shuffle(acts)
    for act in acts:
        await asyncio.sleep(dice.choice((0.0, 0.0005, 0.003)))
        act() if dice.random() < 0.5 else await asyncio.to_thread(act)
    ended = await asyncio.gather(*asked, return_exceptions=True)
    kinds = (RankzooError, asyncio.CancelledError)
    assert all(isinstance(error, kinds) for error in ended), ended
    return ",".join(type(error).__name__ for error in ended)


@pytest.mark.slow
def test_no_order_of_stop_swap_and_time_out_kills_the_process(small: Path) -> None:
    async def scene() -> set[str]:
        dice = random.Random(0)
        return {await _order(small, dice) for _ in range(ORDERS)}

    assert len(asyncio.run(scene())) > 3  # the orders do end in different ways
