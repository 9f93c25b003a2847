"""Says who uses a port that the quick start would like to have."""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

from environment import CannotGoOnError

_ANSWER_SECONDS = 2
_LISTEN_STATE = "0A"  # as /proc/net/tcp spells it


def need_port(port: int) -> None:
    """Raises `CannotGoOnError`, naming who has it if that can be found out, if `port` is taken."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        if _is_taken(family, address, port):
            raise CannotGoOnError(
                f"Port {port} is in use by {_who_has(port)}."
                " Stop that first, or choose another port with --port."
            )


def _is_taken(family: socket.AddressFamily, address: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":  # on Windows this option would share a port that is in use
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except PermissionError as error:
        raise CannotGoOnError(f"Port {port} may not be used: {error.strerror}.") from error
    except OSError as error:
        # Without IPv6 there is nothing to be in use there.
        return family == socket.AF_INET or "in use" in str(error).lower()
    return False


def _who_has(port: int) -> str:
    return _manager_at(port) or _linux_process_at(port) or "another program"


def _manager_at(port: int) -> str | None:
    """Asks over HTTP whether a Flamenco Manager is there."""
    url = f"http://localhost:{port}/api/v3/version"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=_ANSWER_SECONDS) as answer:
            manager = json.load(answer)
        return f"a Flamenco Manager ({manager['name']} {manager['version']})"
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _linux_process_at(port: int) -> str | None:
    """Finds the process through /proc: whose open file is the listening socket?"""
    if sys.platform != "linux":
        return None
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(file.readlink()) in wanted for file in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8").strip()
                return f"{name} (process {process.name})"
        except OSError:
            continue  # it has ended, or belongs to somebody else
    return None


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="utf-8").splitlines()[1:]
        except OSError:
            continue
        for columns in map(str.split, lines):
            if columns[3] == _LISTEN_STATE and int(columns[1].rpartition(":")[2], 16) == port:
                inodes.add(columns[9])
    return inodes
