"""One writer for each farm file: a lock beside it that ends with the process, however it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from flamenco_core.errors import FarmLocked, StorageError

_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "ceph", "glusterfs", "lustre", "webdav"}
    | {"afpfs", "fuse.sshfs", "fuse.glusterfs", "fuse.rclone", "davfs", "ncpfs"}
)


class FarmLock:
    """Held from the moment it is made until `release`."""

    def __init__(self, farm_file: Path, *, address: str) -> None:
        """`address` is where this program can be reached, for whoever comes second.

        Raises:
            FarmLocked: if another process holds it.
            StorageError: if the folder cannot be written to.
        """
        self._path = farm_file.with_name(f"{farm_file.name}.lock")
        try:
            # Opened without cutting it, since it may be somebody else's; never deleted, since a
            # deleted one could be locked by two.
            self._file: IO[bytes] = os.fdopen(
                os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+b"
            )
        except OSError as error:
            raise StorageError(
                f"The folder of {farm_file} cannot be written to: {error}"
            ) from error
        if not _try_lock(self._file):
            holder = _holder(self._path)
            self._file.close()
            raise FarmLocked(
                f"The farm {farm_file} is run by {holder}; use that one, or stop it "
                "before this is started"
            )
        self._file.seek(1)
        self._file.truncate()
        self._file.write(f"process {os.getpid()}{f' at {address}' if address else ''}".encode())
        self._file.flush()

    def release(self) -> None:
        _unlock(self._file)
        self._file.close()


def refuse_network_file_system(path: Path) -> None:
    """SQLite's locks and shared memory do not work over a network.

    Raises:
        StorageError: if the file lies, or would lie, on a network drive.
    """
    kind = _file_system_kind(path.absolute().parent)
    if kind in _NETWORK_FILE_SYSTEMS:
        raise StorageError(
            f"The farm file {path} lies on a network drive ({kind}), where it would be damaged; "
            "put it on a disk of this machine"
        )


def _holder(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(1)  # On Windows the locked first byte cannot be read.
            return file.read(200).decode("utf-8", "replace") or "another program"
    except OSError:
        return "another program"


def _file_system_kind(folder: Path) -> str:
    if sys.platform == "win32":
        import ctypes

        drive_remote = 4
        root = folder.anchor
        if root.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(root) == drive_remote:
            return "cifs"
        return "local"
    table = _mounts_of_linux() if sys.platform == "linux" else _mounts_of_bsd()
    best = max((mount for mount in table if _contains(mount, folder)), key=len, default="")
    return table.get(best, "unknown")


def _contains(mount: str, folder: Path) -> bool:
    return folder.resolve().is_relative_to(mount)


def _mounts_of_linux() -> dict[str, str]:
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    entries = [line.split(" ") for line in lines]
    return {entry[1].replace("\\040", " "): entry[2] for entry in entries if len(entry) > 2}


def _mounts_of_bsd() -> dict[str, str]:
    # macOS prints `//server/share on /Volumes/share (smbfs, nodev, …)`.
    try:
        text = subprocess.run(
            ["/sbin/mount"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    mounts = {}
    for line in text.splitlines():
        place, _, options = line.partition(" on ")[2].rpartition(" (")
        mounts[place] = options.split(",")[0].rstrip(")")
    return mounts


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
