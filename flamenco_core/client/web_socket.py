"""A WebSocket to a Manager (RFC 6455), with the standard library.

As much of the protocol as a client needs that sends and receives text: fragments, pings, an orderly
end. Extensions and sub-protocols are not asked for.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import io
import os
import socket
import struct
import threading
import time
from collections.abc import Mapping
from enum import IntEnum

from flamenco_core.client.connection import Answer, refusal

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""Of the protocol: shows that the other side knows it."""

LARGEST_MESSAGE = 64 * 2**20
"""Bytes of one message; no Manager sends more."""

_LARGEST_HEAD = 64 * 2**10
_READ_AT_ONCE = 64 * 2**10
_NORMAL_END = 1000


class _Opcode(IntEnum):
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class WebSocketClosed(ConnectionError):
    """The other side has ended the conversation; `code` is its reason as a number."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the connection was closed with code {code}")
        self.code = code


class WebSocketBroken(ConnectionError):
    """The other side does not keep to the protocol, or has gone without a word."""


class WebSocket:
    """An open conversation. One thread receives; any may send and close."""

    def __init__(self, sock: socket.socket, rest: bytes = b"") -> None:
        """Use `open_web_socket`; `rest` is what came after the answer's head."""
        self._sock = sock
        self._buffer = bytearray(rest)
        self._sending = threading.Lock()

    def send_text(self, text: str) -> None:
        """Raises `OSError` if the connection is gone."""
        self._send(_Opcode.TEXT, text.encode())

    def receive_text(self, timeout: float | None) -> str:
        """The next message.

        Raises:
            TimeoutError: if none came in `timeout` seconds; what came of one is kept.
            WebSocketClosed: if the other side ended the conversation.
            OSError: if the connection is gone.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        message = bytearray()
        taken = 0
        while True:
            # A frame is taken away only with the message it ends: a time-out loses nothing.
            opcode, is_final, content, taken = self._frame(taken, deadline)
            if opcode >= _Opcode.CLOSE:
                taken = self._answer_control(opcode, content, taken)
                continue
            message += content
            if len(message) > LARGEST_MESSAGE:
                raise WebSocketBroken("a message is too large")
            if is_final:
                del self._buffer[:taken]
                return message.decode("utf-8", "replace")

    def close(self) -> None:
        """Ends the conversation, and whatever waits for a message in another thread."""
        with contextlib.suppress(OSError):
            self._send(_Opcode.CLOSE, struct.pack("!H", _NORMAL_END))
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _answer_control(self, opcode: int, content: bytes, end: int) -> int:
        """Control frames may stand between the fragments of a message; returns what follows."""
        if opcode == _Opcode.CLOSE:
            code = struct.unpack("!H", content[:2])[0] if len(content) > 1 else _NORMAL_END
            with contextlib.suppress(OSError):
                self._send(_Opcode.CLOSE, content[:2])
            raise WebSocketClosed(code)
        begin = end - len(content) - 2
        del self._buffer[begin:end]
        if opcode == _Opcode.PING:
            self._send(_Opcode.PONG, content)
        return begin

    def _frame(self, start: int, deadline: float | None) -> tuple[int, bool, bytes, int]:
        """Opcode, whether it ends its message, content, and where the next frame begins."""
        self._fill(start + 2, deadline)
        first, second = self._buffer[start], self._buffer[start + 1]
        if second & 0x80 or first & 0x70:
            raise WebSocketBroken("a frame is masked, or uses an extension")
        size, begin = second & 0x7F, start + 2
        if size > 125 and first & 0x08:
            raise WebSocketBroken("a control frame is too large")
        if size == 126:
            self._fill(begin + 2, deadline)
            (size,) = struct.unpack_from("!H", self._buffer, begin)
            begin += 2
        elif size == 127:
            self._fill(begin + 8, deadline)
            (size,) = struct.unpack_from("!Q", self._buffer, begin)
            begin += 8
        if size > LARGEST_MESSAGE:
            raise WebSocketBroken("a frame is too large")
        end = begin + size
        self._fill(end, deadline)
        return first & 0x0F, bool(first & 0x80), bytes(self._buffer[begin:end]), end

    def _fill(self, size: int, deadline: float | None) -> None:
        """Reads until the buffer has as many bytes."""
        while len(self._buffer) < size:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError("no message came in time")
            self._sock.settimeout(left)
            piece = self._sock.recv(_READ_AT_ONCE)
            if not piece:
                raise WebSocketBroken("the connection was cut")
            self._buffer += piece

    def _send(self, opcode: _Opcode, content: bytes) -> None:
        size = len(content)
        head = bytes([0x80 | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 2**16:
            head += struct.pack("!BH", 0x80 | 126, size)
        else:
            head += struct.pack("!BQ", 0x80 | 127, size)
        mask = os.urandom(4)
        repeated = (mask * (size // 4 + 1))[:size]
        masked = int.from_bytes(content, "big") ^ int.from_bytes(repeated, "big")
        with self._sending:
            self._sock.sendall(head + mask + masked.to_bytes(size, "big"))


def open_web_socket(
    sock: socket.socket, path: str, host: str, headers: Mapping[str, str]
) -> WebSocket:
    """Asks over a new connection for a WebSocket.

    Raises:
        ManagerRefused: if the Manager answers otherwise.
        OSError: if the connection breaks, or what answers is no WebSocket.
    """
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    head, rest = _read_head(sock)
    status, fields = _parse_head(head)
    if status != http.client.SWITCHING_PROTOCOLS:
        body = _read_body(sock, rest, fields)
        raise refusal(Answer(status, fields.get_content_type(), body))
    expected = base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()
    if fields.get("Sec-WebSocket-Accept", "").strip() != expected:
        raise WebSocketBroken("what answers is no WebSocket")
    return WebSocket(sock, rest)


def _read_head(sock: socket.socket) -> tuple[bytes, bytes]:
    content = b""
    while b"\r\n\r\n" not in content:
        piece = sock.recv(_READ_AT_ONCE)
        if not piece or len(content) > _LARGEST_HEAD:
            raise WebSocketBroken("what answers speaks no HTTP")
        content += piece
    head, _, rest = content.partition(b"\r\n\r\n")
    return head, rest


def _parse_head(head: bytes) -> tuple[int, http.client.HTTPMessage]:
    first, _, rest = head.partition(b"\r\n")
    words = first.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise WebSocketBroken("what answers speaks no HTTP")
    return int(words[1]), http.client.parse_headers(io.BytesIO(rest + b"\r\n\r\n"))


def _read_body(sock: socket.socket, rest: bytes, fields: http.client.HTTPMessage) -> bytes:
    length = fields.get("Content-Length", "")
    size = min(int(length), _LARGEST_HEAD) if length.isdigit() else 0
    while len(rest) < size:
        piece = sock.recv(_READ_AT_ONCE)
        if not piece:
            break
        rest += piece
    return rest[:size]
