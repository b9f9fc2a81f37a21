"""One thread, and what waits together goes together."""

import asyncio
import threading

import pytest

from zoo.serve.refusal import RefusedError
from zoo.serve.worker import Worker


def test_what_waits_together_is_done_together_and_answers_find_their_askers() -> None:
    sizes: list[int] = []
    begin = threading.Event()

    def double(items: list[int]) -> list[int]:
        begin.wait(60)
        return [2 * item for item in items]

    async def ask() -> list[int]:
        worker = Worker(batch=8, observe=sizes.append)
        jobs = [asyncio.create_task(worker.run(double, i)) for i in range(20)]
        await asyncio.sleep(0)  # each has asked
        begin.set()
        answers = await asyncio.gather(*jobs)
        worker.close()
        return list(answers)

    assert asyncio.run(ask()) == [2 * i for i in range(20)]
    assert sum(sizes) == 20
    assert max(sizes) == 8  # never more than asked for
    assert len(sizes) <= 4  # 1 that began at once, then 8 + 8 + 3


def test_different_functions_are_not_mixed() -> None:
    async def ask() -> list[str]:
        worker = Worker()
        seen: list[str] = []

        def first(items: list[int]) -> list[int]:
            seen.append(f"first {items}")
            return items

        def second(items: list[int]) -> list[int]:
            seen.append(f"second {items}")
            return items

        await asyncio.gather(worker.run(first, 1), worker.run(second, 2))
        worker.close()
        return sorted(seen)

    assert asyncio.run(ask()) == ["first [1]", "second [2]"]


def test_one_bad_item_fails_alone() -> None:
    def invert(items: list[int]) -> list[float]:
        return [1 / item for item in items]

    async def ask() -> list[object]:
        worker = Worker()
        jobs = [worker.run(invert, i) for i in (1, 0, 2)]
        answers = await asyncio.gather(*jobs, return_exceptions=True)
        worker.close()
        return list(answers)

    first, second, third = asyncio.run(ask())
    assert (first, third) == (1.0, 0.5)
    assert isinstance(second, ZeroDivisionError)


def test_a_full_line_and_a_closed_worker_turn_away() -> None:
    taken, begin = threading.Event(), threading.Event()

    def slow(items: list[int]) -> list[int]:
        taken.set()
        begin.wait(60)
        return items

    async def ask() -> None:
        worker = Worker(batch=1, waiting=2)
        jobs = [asyncio.create_task(worker.run(slow, 0))]
        await asyncio.to_thread(taken.wait, 60)  # the line is empty
        jobs += [asyncio.create_task(worker.run(slow, i)) for i in (1, 2)]
        await asyncio.sleep(0)  # both have asked
        assert worker.queued == 2
        with pytest.raises(RefusedError, match="too many") as refused:
            await worker.run(slow, 3)
        assert (refused.value.status, refused.value.retry_after) == (503, 1)
        begin.set()
        assert await asyncio.gather(*jobs) == [0, 1, 2]
        worker.close()
        with pytest.raises(RefusedError, match="closing"):
            await worker.run(slow, 4)

    asyncio.run(ask())
