"""Our WebSocket against a server of the `websockets` package, and against what is none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from websockets.sync.server import ServerConnection, serve

from flamenco_core.client import ManagerRefused
from flamenco_core.client.web_socket import (
    WebSocket,
    WebSocketBroken,
    WebSocketClosed,
    open_web_socket,
)

TIME_LIMIT = 20
SIZES = (0, 1, 125, 126, 65_535, 65_536, 300_000)


@contextmanager
def connected(handler: Callable[[ServerConnection], None]) -> Iterator[WebSocket]:
    """A client's end, with `handler` at the other."""
    with serve(handler, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = server.socket.getsockname()
        sock = socket.create_connection(address, TIME_LIMIT)
        client = open_web_socket(sock, "/", "localhost", {})
        try:
            yield client
        finally:
            client.close()
            server.shutdown()
            thread.join()


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


def test_texts_of_all_sizes_travel_both_ways() -> None:
    with connected(echo) as client:
        for size in SIZES:
            text = "ä" * size
            client.send_text(text)
            assert client.receive_text(TIME_LIMIT) == text


def test_a_message_in_fragments_is_one_even_with_pings_between() -> None:
    def send(connection: ServerConnection) -> None:
        def pieces() -> Iterator[str]:
            for number in range(5):
                yield f"{number},"
                connection.ping()

        connection.send(pieces())
        connection.recv()

    with connected(send) as client:
        assert client.receive_text(TIME_LIMIT) == "0,1,2,3,4,"


def test_pings_are_answered() -> None:
    answered = threading.Event()

    def ping(connection: ServerConnection) -> None:
        if connection.ping().wait(TIME_LIMIT):
            answered.set()
        connection.send("done")
        connection.recv()

    with connected(ping) as client:
        assert client.receive_text(TIME_LIMIT) == "done"
    assert answered.is_set()


def test_a_time_out_loses_nothing() -> None:
    go_on = threading.Event()

    def send(connection: ServerConnection) -> None:
        def pieces() -> Iterator[str]:
            yield "first "
            go_on.wait(TIME_LIMIT)
            yield "second"

        connection.send(pieces())
        connection.recv()

    with connected(send) as client:
        with pytest.raises(TimeoutError):
            client.receive_text(0.2)
        go_on.set()
        assert client.receive_text(TIME_LIMIT) == "first second"


def test_the_code_of_an_end_is_told() -> None:
    with connected(lambda connection: connection.close(4321)) as client:
        with pytest.raises(WebSocketClosed) as closed:
            client.receive_text(TIME_LIMIT)
        assert closed.value.code == 4321


def test_closing_ends_the_waiting_of_another_thread() -> None:
    ended = threading.Event()

    def wait(client: WebSocket) -> None:
        with pytest.raises(OSError):  # noqa: PT011 - which one depends on the moment
            client.receive_text(None)
        ended.set()

    with connected(echo) as client:
        thread = threading.Thread(target=wait, args=(client,))
        thread.start()
        client.close()
        thread.join(TIME_LIMIT)
    assert ended.is_set()


@contextmanager
def answering(content: bytes) -> Iterator[socket.socket]:
    """A connection to something that sends `content`, whatever it is asked, and ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(content)

        thread = threading.Thread(target=answer)
        thread.start()
        with socket.create_connection(server.getsockname(), TIME_LIMIT) as client:
            yield client
        thread.join()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: guess\r\n\r\n",
    ],
)
def test_what_is_no_websocket_is_found_out(content: bytes) -> None:
    with answering(content) as sock, pytest.raises(WebSocketBroken):
        open_web_socket(sock, "/", "localhost", {})


def test_a_refusal_is_shown_with_its_message() -> None:
    body = b'{"code": 401, "message": "log in"}'
    head = f"HTTP/1.1 401 No\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    with answering(f"{head}\r\n\r\n".encode() + body) as sock:
        with pytest.raises(ManagerRefused, match="log in") as refused:
            open_web_socket(sock, "/", "localhost", {})
        assert refused.value.status == 401


@pytest.mark.parametrize(
    "frames",
    [
        b"\x81\x84aaaabbbb",  # masked
        b"\xc1\x01a",  # uses an extension
        b"\x89\x7e\x00\x80" + b"x" * 128,  # a large ping
        b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",  # larger than any message
        b"\x81\x05abc",  # cut
    ],
)
def test_frames_against_the_protocol_end_the_conversation(frames: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(frames)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(WebSocketBroken):
            WebSocket(ours).receive_text(TIME_LIMIT)
