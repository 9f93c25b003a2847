"""The client against a server of another make, over real sockets."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.client.connection import Connection
from flamenco_core.errors import InvalidInput
from flamenco_core.model import JobLastRenderedImageInfo, WorkerTag

TIME_LIMIT = 60
VERSION = b'{"version": "1", "shortversion": "1", "name": "n", "git": "g"}'


class Server(BaseHTTPRequestHandler):
    """Answers as `answers` says, by path; counts connections and requests."""

    protocol_version = "HTTP/1.1"
    answers: ClassVar[dict[str, tuple[int, bytes]]] = {}
    any_answer: ClassVar[tuple[int, bytes]] = (404, b"")
    """To what `answers` does not name."""
    content_type: ClassVar[str] = ""
    requests: ClassVar[list[str]] = []
    connections: ClassVar[set[object]] = set()

    def setup(self) -> None:
        super().setup()
        self.connections.add(self.client_address)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def answer(self) -> None:
        self.requests.append(f"{self.command} {self.path}")
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, body = self.answers.get(self.path.removeprefix("/api/v3"), self.any_answer)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if self.content_type:
            self.send_header("Content-Type", self.content_type)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815


@pytest.fixture
def server() -> Iterator[str]:
    Server.answers, Server.requests, Server.connections = {}, [], set()
    Server.any_answer, Server.content_type = (404, b""), ""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_address[1]}"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@contextmanager
def raw_server(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with each connection just what `serve` says."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            threads.append(threading.Thread(target=serve, args=[connection]))
            threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        for open_socket in (listener, *connections):
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
        acceptor.join()
        for thread in threads:
            thread.join()
        for open_socket in (listener, *connections):
            open_socket.close()


def hang(connection: socket.socket) -> None:
    """Reads whatever comes and never answers."""
    while connection.recv(1000):
        pass


def test_requests_in_a_row_share_one_connection(server: str) -> None:
    Server.answers["/version"] = (200, VERSION)
    with ManagerClient(server) as client:
        for _ in range(3):
            assert client.get_version().version == "1"
    assert len(Server.connections) == 1


def test_a_refusal_carries_status_message_and_problems(server: str) -> None:
    body = b"""{"code": 409, "message": "no",
        "problems": [{"where": "status", "what": "wrong", "hint": "wait"}]}"""
    Server.answers["/jobs/x"] = (409, body)
    with pytest.raises(ManagerRefused) as caught, ManagerClient(server) as client:
        client.fetch_job("x")
    assert (caught.value.status, caught.value.message) == (409, "no")
    assert str(caught.value.problems[0]) == "status: wrong (wait)"


def test_a_refusal_without_json_is_shown_as_it_is(server: str) -> None:
    Server.answers["/jobs/x"] = (502, b"Bad Gateway")
    with pytest.raises(ManagerRefused, match="Bad Gateway"), ManagerClient(server) as client:
        client.fetch_job("x")


def test_a_page_that_is_no_manager_is_called_that(server: str) -> None:
    Server.answers["/version"] = (200, b"<html>hello</html>")
    with (
        pytest.raises(InvalidInput, match="does not seem to be a Manager"),
        ManagerClient(server) as client,
    ):
        client.get_version()


ORDERS: list[Callable[[ManagerClient], object]] = [
    lambda client: client.task_update("x", {}),
    lambda client: client.task_output_produced("x", b"", "image/png"),
    lambda client: client.sign_off(),
    lambda client: client.schedule_task(),
    lambda client: client.requeue_failed_tasks("x"),
    lambda client: client.set_job_priority("x", 1),
    lambda client: client.delete_job("x"),
    lambda client: client.shaman_file_store("a", 0, io.BytesIO()),
    lambda client: client.shaman_erase_checkout("x"),
    lambda client: client.create_worker_tag(WorkerTag(name="x")),
]


@pytest.mark.parametrize("order", ORDERS)
def test_a_page_in_the_managers_place_has_taken_nothing(
    server: str, order: Callable[[ManagerClient], object]
) -> None:
    Server.any_answer = (200, b"<html>Log in to the network</html>")
    Server.content_type = "text/html; charset=utf-8"
    with ManagerClient(server) as client, pytest.raises(ManagerUnreachable, match="web page"):
        order(client)


def test_an_answer_without_content_is_a_success(server: str) -> None:
    Server.any_answer = (200, b"")
    with ManagerClient(server) as client:
        client.task_update("x", {})
        client.set_job_priority("x", 1)
        client.shaman_file_store("a", 0, io.BytesIO())


def test_a_page_is_no_log_and_no_picture_but_may_be_a_shared_file(server: str) -> None:
    Server.any_answer = (200, b"<html>Log in to the network</html>")
    Server.content_type = "text/html"
    picture = JobLastRenderedImageInfo(base="/pictures", suffixes=["small.jpg"])
    with ManagerClient(server) as client:
        with pytest.raises(ManagerUnreachable, match="web page"):
            client.fetch_attempt_log("x", 1)
        with pytest.raises(ManagerUnreachable, match="web page"):
            client.fetch_thumbnail(picture, "small.jpg")
        assert client.fetch_file("notes/shot.html").startswith(b"<html>")


def test_nothing_listening_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        pytest.raises(ManagerUnreachable, match="nothing listens there"),
        ManagerClient(f"http://127.0.0.1:{port}") as client,
    ):
        client.get_version()


def test_a_manager_that_hangs_is_given_up_on() -> None:
    with raw_server(hang) as url:
        client = ManagerClient(url, timeout=timedelta(milliseconds=200))
        with client, pytest.raises(ManagerUnreachable, match="did not answer in time"):
            client.get_version()


def test_a_request_that_waits_ends_at_once_when_it_is_aborted() -> None:
    arrived = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(1000)
        arrived.set()
        connection.recv(1000)

    errors: list[Exception] = []
    with raw_server(serve) as url:
        client = ManagerClient(url)

        def ask() -> None:
            try:
                client.schedule_task(wait=timedelta(seconds=30))
            except ManagerUnreachable as error:
                errors.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        assert arrived.wait(TIME_LIMIT)
        client.abort()
        thread.join(timeout=TIME_LIMIT)
    assert len(errors) == 1


def test_after_its_end_nothing_is_asked_and_nothing_stays_open(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = Connection(server)
    read = http.client.HTTPResponse.read

    def read_when_it_ends(response: http.client.HTTPResponse) -> bytes:
        content = read(response)
        connection.close()
        return content

    monkeypatch.setattr(http.client.HTTPResponse, "read", read_when_it_ends)
    assert connection.request("GET", "/").status == 404
    assert connection._idle == []
    with pytest.raises(ManagerUnreachable, match="is not talked to any more"):
        connection.request("GET", "/")
    assert Server.requests == ["GET /"]
    with ManagerClient(server) as client:
        client.close()
        with pytest.raises(ManagerUnreachable):
            client.get_version()


def test_what_may_have_been_carried_out_is_not_sent_twice() -> None:
    """The Manager dies between receiving a submission and answering it."""
    received: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        received.append(connection.recv(1000))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        received.append(connection.recv(1000))
        connection.close()

    with raw_server(serve) as url, Connection(url) as connection:
        connection.request("POST", "/first")
        with pytest.raises(ManagerUnreachable):
            connection.request("POST", "/second")
    assert len(received) == 2


def test_a_connection_that_the_manager_closed_meanwhile_is_replaced() -> None:
    closed = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        connection.close()
        closed.set()

    with raw_server(serve) as url, Connection(url) as connection:
        connection.request("POST", "/first")
        assert closed.wait(TIME_LIMIT)
        assert connection.request("POST", "/second").status == 204


class BrokenFile(io.BytesIO):
    """A body that cannot be read to its end."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise ZeroDivisionError
        return super().read(3)


def test_a_connection_on_which_half_a_request_was_sent_is_not_used_again(server: str) -> None:
    Server.answers["/version"] = (200, VERSION)
    headers = {"Content-Length": "1000"}
    with Connection(server) as connection:
        with pytest.raises(ZeroDivisionError):
            connection.request("POST", "/x", body=BrokenFile(b"abcdef"), headers=headers)
        assert connection.request("GET", "/api/v3/version").body == VERSION


@pytest.mark.parametrize("url", ["", "ftp://farm", "http://", "http:///path"])
def test_an_address_that_is_none_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(InvalidInput, match="write it like"):
        ManagerClient(url)


def test_an_address_without_scheme_means_http() -> None:
    assert ManagerClient("farm.local:8080").url == "http://farm.local:8080"


@pytest.mark.parametrize(
    "address", ["htp:/x", "htp://x", "ftp://x", "http:", "manager:port", "http://[::1", "", "//"]
)
def test_what_is_no_address_of_a_manager_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput, match="is not the address of a Manager"):
        Connection(address)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("manager", "http://manager"),
        ("manager:8080", "http://manager:8080"),
        ("manager:8080/", "http://manager:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("https://manager/", "https://manager"),
        ("HTTP://manager", "http://manager"),
    ],
)
def test_an_address_may_be_written_without_http(address: str, url: str) -> None:
    assert Connection(address).url == url


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, b"<!DOCTYPE html><html>nothing here</html>", "HTTP 404 Not Found with text/plain, "),
        (502, b"x" * 2000, "HTTP 502 Bad Gateway with text/plain, "),
        (503, b" come back later\n", "come back later"),
        (500, b"", "HTTP 500"),
        (400, b'{"message": "' + b"long " * 500 + b'"}', "long long "),
    ],
)
def test_a_page_is_not_shown_as_a_message(
    server: str, status: int, body: bytes, message: str
) -> None:
    Server.answers["/version"] = (status, body)
    with ManagerClient(server) as client, pytest.raises(ManagerRefused) as refused:
        client.get_version()
    assert refused.value.message.startswith(message)
    assert "html>" not in str(refused.value)
    assert refused.value.status == status
