"""What waits for one client is bounded, and who adds to it can wait for room."""

from __future__ import annotations

import asyncio

from manager_service.realtime.outbox import Outbox


async def no_time_passes() -> None:
    """Whatever could go on has done so."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_there_is_room_again_when_half_of_it_was_sent() -> None:
    async def fill_and_send() -> None:
        outbox = Outbox(most_frames=4)
        assert outbox.put([b"1", b"2", b"3", b"4"])
        assert not outbox.put([b"5"])
        waiting = asyncio.create_task(outbox.room())
        may_send = asyncio.Semaphore(0)
        sent: list[bytes] = []

        async def send(frame: bytes) -> None:
            await may_send.acquire()
            sent.append(frame)

        sending = asyncio.create_task(outbox.run(send))
        await no_time_passes()
        assert not waiting.done()
        may_send.release()
        await waiting
        assert sent == [b"1"]
        for _ in range(3):
            may_send.release()
        outbox.close()
        await sending
        assert sent == [b"1", b"2", b"3", b"4"]

    asyncio.run(fill_and_send())


def test_nobody_waits_for_room_in_what_is_closed() -> None:
    async def fill_and_close() -> None:
        outbox = Outbox(most_bytes=10)
        outbox.put([b"more than that"])
        waiting = asyncio.create_task(outbox.room())
        await no_time_passes()
        assert not waiting.done()
        outbox.close()
        await waiting

    asyncio.run(fill_and_close())
