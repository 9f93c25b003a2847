"""The wheel that this Manager was installed from, put together again.

Render machines install the Worker with it, in the very version of the Manager. What was not
installed from a wheel, as a checkout or the self-contained folder, has none.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from flamenco_core.errors import NotFound, one_problem

DISTRIBUTION = "flamenco-python"
_NEEDED = "flamenco_worker/__init__.py"
_INSTALLERS_OWN = frozenset({"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"})
"""Files beside the metadata that come from the installation and not from the wheel."""
_MOMENT = (1980, 1, 1, 0, 0, 0)
"""Of all files in the zip, so that the same installation always gives the same wheel."""
_READABLE_BY_ALL = 0o100644 << 16
_NONE_HERE = "This Manager was not installed from a wheel, so that it has none to hand out"
_HINT = (
    "install the Worker as the Manager was: the self-contained folder has its program, and "
    "scripts/package.py of a checkout makes a wheel"
)


@dataclass(frozen=True, slots=True)
class OwnWheel:
    """A wheel, ready to be sent."""

    name: str
    """As pip wants the file to be called."""
    content: bytes
    sha256: str
    """Of the content, in hexadecimal digits."""


@lru_cache(maxsize=1)
def own_wheel() -> OwnWheel:
    """Reads the installation, so it blocks; made once.

    Raises:
        NotFound: if there is no installation from a wheel, with what to do instead.
    """
    try:
        return wheel_of(distribution(DISTRIBUTION))
    except PackageNotFoundError:
        raise _nothing() from None


def wheel_of(installed: Distribution) -> OwnWheel:
    """The wheel of something that is installed; raises `NotFound` as `own_wheel` does."""
    files = {name: file for name, file in _files(installed) if file.is_file()}
    folder = f"{installed.metadata['Name'].replace('-', '_')}-{installed.version}"
    if _NEEDED not in files or f"{folder}.dist-info/WHEEL" not in files:
        raise _nothing()
    packed, lines = io.BytesIO(), io.StringIO()
    record = csv.writer(lines, lineterminator="\n")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, file in sorted(files.items()):
            content = file.read_bytes()
            wheel.writestr(_entry(name), content)
            record.writerow((name, f"sha256={_record_digest(content)}", len(content)))
        of_record = f"{folder}.dist-info/RECORD"
        record.writerow((of_record, "", ""))
        wheel.writestr(_entry(of_record), lines.getvalue())
    content = packed.getvalue()
    name = f"{folder}-py3-none-any.whl"
    return OwnWheel(name, content, hashlib.sha256(content).hexdigest())


def _files(installed: Distribution) -> Iterator[tuple[str, Path]]:
    """Those that were in the wheel, by their names there."""
    for listed in installed.files or ():
        is_made_here = "__pycache__" in listed.parts or ".." in listed.parts
        is_installers = ".dist-info" in listed.parts[0] and listed.name in _INSTALLERS_OWN
        if not is_made_here and not is_installers:
            yield listed.as_posix(), Path(str(listed.locate()))


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.external_attr = _READABLE_BY_ALL
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _record_digest(content: bytes) -> str:
    """As wheels spell it (the binary distribution format of PyPA)."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def _nothing() -> NotFound:
    return NotFound(_NONE_HERE, problems=one_problem("", _NONE_HERE, _HINT).problems)
