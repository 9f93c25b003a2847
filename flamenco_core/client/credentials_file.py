"""Where the tokens lie that `flamenco login` got: one file of the user, readable by nobody else."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flamenco_core.errors import InvalidInput, StorageError

TOKEN_VARIABLE = "FLAMENCO_TOKEN"  # noqa: S105 - the name of a variable
FILE_VARIABLE = "FLAMENCO_CREDENTIALS"

_OWNER_ONLY = 0o600
_FOLDER_OF_OWNER = 0o700


@dataclass(frozen=True, slots=True)
class StoredToken:
    """What is kept for one Manager."""

    id: str
    """By which the Manager revokes it."""
    user: str
    secret: str = field(repr=False)


def found_token(url: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The token to show a Manager: of the environment, else of the file; None if there is none.

    `url` is a `Connection`'s, which has one spelling for each Manager. Raises `InvalidInput` as
    `stored_token` does.
    """
    token = environment.get(TOKEN_VARIABLE, "").strip()
    if token:
        return token
    stored = stored_token(url, environment)
    return stored.secret if stored else None


def credentials_path(environment: Mapping[str, str] = os.environ) -> Path:
    """The file, in the place for it on this platform unless `FLAMENCO_CREDENTIALS` names it."""
    named = environment.get(FILE_VARIABLE, "")
    if named:
        return Path(named)
    if sys.platform == "win32":
        base = environment.get("APPDATA")
        folder = Path(base) if base else Path.home() / "AppData" / "Roaming"
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Application Support"
    else:
        configured = Path(environment.get("XDG_CONFIG_HOME", ""))
        folder = configured if configured.is_absolute() else Path.home() / ".config"
    return folder / "flamenco" / "credentials.json"


def stored_token(url: str, environment: Mapping[str, str] = os.environ) -> StoredToken | None:
    """What the file has for a Manager.

    Raises:
        InvalidInput: if the file cannot be used, or others can read it.
    """
    path = credentials_path(environment)
    entry = _read(path).get(url.lower())
    if entry is None:
        return None
    # Windows has no such bits; there, the user's folder is the user's.
    if sys.platform != "win32" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise InvalidInput(
            f"{path} can be read by others, and so may be known to them; run: chmod 600 {path}, "
            "then log in again with: flamenco login"
        )
    try:
        return StoredToken(str(entry["id"]), str(entry["user"]), str(entry["token"]))
    except (KeyError, TypeError):
        raise _broken(path) from None


def store_token(url: str, token: StoredToken, environment: Mapping[str, str] = os.environ) -> Path:
    """Keeps a token for a Manager, in the place of the one before; returns where.

    Raises:
        InvalidInput: if there is a file that cannot be used.
        StorageError: if it cannot be written.
    """
    path = credentials_path(environment)
    content = _read(path)
    content[url.lower()] = {"id": token.id, "user": token.user, "token": token.secret}
    _write(path, content)
    return path


def forget_token(url: str, environment: Mapping[str, str] = os.environ) -> None:
    """Raises what `store_token` does."""
    path = credentials_path(environment)
    content = _read(path)
    if content.pop(url.lower(), None) is not None:
        _write(path, content)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise _broken(path) from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from error
    if not isinstance(content, dict):
        raise _broken(path)
    return content


def _write(path: Path, content: Mapping[str, Any]) -> None:
    partial = path.with_name(f"{path.name}~")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=_FOLDER_OF_OWNER)
        partial.unlink(missing_ok=True)
        # Nobody else may read it from its first moment on.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def _broken(path: Path) -> InvalidInput:
    return InvalidInput(f"{path} is no list of tokens; delete it and log in with: flamenco login")
