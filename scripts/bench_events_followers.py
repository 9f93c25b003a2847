"""The followers of `bench.py events`: one process with many clients that hear of everything.

Says that they are connected, and when its input ends how many messages came to all of them.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp

TOPICS = "farm,jobs,tasks,workers,tags,last-rendered"


async def follow(session: aiohttp.ClientSession, port: int, connected: asyncio.Event) -> int:
    url = f"http://127.0.0.1:{port}/api/v3/events?topics={TOPICS}"
    messages = 0
    async with session.ws_connect(url, max_msg_size=0) as socket:
        connected.set()
        try:
            async for _ in socket:
                messages += 1
        except asyncio.CancelledError:
            return messages
    raise RuntimeError("the Manager has ended a connection")


async def main(port: int, count: int) -> None:
    unlimited = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=unlimited) as session:
        connected = [asyncio.Event() for _ in range(count)]
        clients = [asyncio.create_task(follow(session, port, each)) for each in connected]
        for each in connected:
            await each.wait()
        print("connected", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        for client in clients:
            client.cancel()
        print(sum(await asyncio.gather(*clients)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
