from __future__ import annotations

import asyncio

from peakctl.api.limits import ConcurrencyLimit


def test_no_more_than_the_bound_are_held_and_all_get_their_turn() -> None:
    async def main() -> None:
        limit, most, order = ConcurrencyLimit(3, 100), 0, []

        async def work(number: int) -> None:
            nonlocal most
            async with limit.one():
                most = max(most, limit.held)
                order.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*(work(n) for n in range(20)))
        assert most == 3
        assert order == list(range(20))
        assert limit.held == 0

    asyncio.run(main())


def test_throttling_halves_once_for_those_in_flight_together() -> None:
    async def main() -> None:
        limit = ConcurrencyLimit(16, 100)
        async with limit.one() as first, limit.one() as second:
            limit.throttled(first)
            limit.throttled(second)
            assert limit.limit == 8
        for _ in range(6):
            async with limit.one() as later:
                limit.throttled(later)
        assert limit.limit == 1

    asyncio.run(main())


def test_the_bound_grows_back_by_one_after_enough_successes() -> None:
    async def main() -> None:
        limit = ConcurrencyLimit(4, 3)
        async with limit.one() as round_:
            limit.throttled(round_)
        for _ in range(5):
            limit.succeeded()
        assert limit.limit == 3
        for _ in range(30):
            limit.succeeded()
        assert limit.limit == 4

    asyncio.run(main())


async def _hold(limit: ConcurrencyLimit, release: asyncio.Event, log: list[str], name: str) -> None:
    async with limit.one():
        log.append(name)
        await release.wait()


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_growing_lets_a_waiting_one_in_at_once() -> None:
    async def main() -> None:
        limit, release, log = ConcurrencyLimit(2, 1), asyncio.Event(), list[str]()
        async with limit.one() as round_:
            limit.throttled(round_)
        tasks = [asyncio.create_task(_hold(limit, release, log, n)) for n in "ab"]
        await _settle()
        assert log == ["a"]
        limit.succeeded()
        await _settle()
        assert log == ["a", "b"]
        release.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())


def test_one_who_is_cancelled_while_waiting_loses_nothing() -> None:
    async def main() -> None:
        limit, release, log = ConcurrencyLimit(1, 9), asyncio.Event(), list[str]()
        tasks = [asyncio.create_task(_hold(limit, release, log, n)) for n in "abc"]
        await _settle()
        tasks[1].cancel()
        release.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert log == ["a", "c"]
        assert limit.held == 0

    asyncio.run(main())


def test_one_who_is_cancelled_as_the_slot_comes_passes_it_on() -> None:
    async def main() -> None:
        limit, release, log = ConcurrencyLimit(1, 9), asyncio.Event(), list[str]()
        holder = limit.one()
        await holder.__aenter__()
        tasks = [asyncio.create_task(_hold(limit, release, log, n)) for n in "ab"]
        await _settle()
        await holder.__aexit__(None, None, None)
        tasks[0].cancel()
        release.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert log == ["b"]
        assert limit.held == 0

    asyncio.run(main())


def test_a_slot_is_not_given_to_one_who_is_already_cancelled() -> None:
    async def main() -> None:
        limit, release, log = ConcurrencyLimit(1, 9), asyncio.Event(), list[str]()
        holder = limit.one()
        await holder.__aenter__()
        tasks = [asyncio.create_task(_hold(limit, release, log, n)) for n in "ab"]
        await _settle()
        tasks[0].cancel()
        await holder.__aexit__(None, None, None)
        release.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert log == ["b"]
        assert limit.held == 0

    asyncio.run(main())


def test_some_go_before_all_others_and_in_the_order_in_which_they_came() -> None:
    async def main() -> None:
        limit, order = ConcurrencyLimit(1, 9), list[str]()

        async def work(name: str, *, first: bool) -> None:
            async with limit.one(first=first):
                order.append(name)
                await asyncio.sleep(0)

        waiting = (work(name, first=name.isupper()) for name in "abcDeF")
        await asyncio.gather(*waiting)
        assert "".join(order) == "aDFbce"

    asyncio.run(main())


def test_one_who_goes_first_and_is_cancelled_loses_nothing() -> None:
    async def main() -> None:
        limit, order = ConcurrencyLimit(1, 9), list[str]()

        async def work(name: str) -> None:
            async with limit.one(first=name.isupper()):
                order.append(name)

        async with limit.one():
            tasks = [asyncio.create_task(work(name)) for name in "aBC"]
            await _settle()
            tasks[1].cancel()
            await _settle()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert ("".join(order), limit.held) == ("Ca", 0)

    asyncio.run(main())
