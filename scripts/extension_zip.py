"""Puts an extension together: manifest, package, wheels; the same sources give the same bytes."""

from __future__ import annotations

import base64
import hashlib
import re
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from environment import ROOT
from extension_editions import Edition, Platform
from flamenco_core.version import Version, describe_checkout, read_version

PACKAGE = "flamenco_addon"
CORE = "flamenco_core"
MANIFEST = "blender_manifest.toml"
WHEELS = "wheels"
"""What Blender unpacks beside the wheels of all other extensions."""
PACKING = "packing"
"""What the process that packs imports from there; Blender does not look into it."""
RUNTIME = "runtime"
"""What the local farm runs with; Blender does not look into it."""

_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""Of each entry, since a zip cannot tell an earlier time."""
_READABLE = 0o644 << 16
_LEFT_OUT = frozenset({"__pycache__", "py.typed"})
_VERSION_FILE = "version.txt"


def assemble(
    folder: Path,
    edition: Edition,
    wheels: Sequence[Path],
    *,
    packing: Sequence[Path] = (),
    platform: Platform | None = None,
    runtime: Sequence[Path] = (),
) -> Path:
    """Fills an empty `folder` with an extension, and returns it.

    `wheels` are those that Blender is to unpack, beside that of our core; `packing` are those of
    the process that packs; `runtime` are those of the local farm, which only fit on `platform`.
    """
    for name, content in package_files(ROOT / PACKAGE):
        _write(folder / name, content)
    target = folder / WHEELS
    target.mkdir()
    names = [write_core_wheel(target).name]
    for wheel in wheels:
        _write(target / wheel.name, wheel.read_bytes())
        names.append(wheel.name)
    for wheel in packing:
        _write(folder / PACKING / wheel.name, wheel.read_bytes())
    for wheel in runtime:
        _write(folder / RUNTIME / wheel.name, wheel.read_bytes())
    text = manifest(edition, read_version(ROOT), sorted(names), platform)
    _write(folder / MANIFEST, text.encode())
    _write(folder / "LICENSE", (ROOT / "LICENSE").read_bytes())
    return folder


def manifest(
    edition: Edition, version: Version, wheels: Sequence[str], platform: Platform | None
) -> str:
    """The text of the extension's manifest, from the one in the checkout."""
    text = (ROOT / MANIFEST).read_text(encoding="utf-8")
    text = text.partition("schema_version")[2]  # a comment for developers comes first
    text = f"schema_version{text}"
    lines = [f'blender_version_min = "{edition.blender_min}"']
    if edition.blender_max is not None:
        lines.append(f'blender_version_max = "{edition.blender_max}"')
    if platform is not None:
        lines.append(f'platforms = ["{platform.name}"]')
    listed = "".join(f'  "./{WHEELS}/{name}",\n' for name in wheels)
    lines.append(f"wheels = [\n{listed}]")
    text = _replaced(text, "blender_version_min", "\n".join(lines))
    text = _replaced(text, "version", f'version = "{version.manifest}"')
    tomllib.loads(text)
    return text


def write_core_wheel(folder: Path) -> Path:
    """Our core as a wheel; its version changes with its content.

    Blender takes a wheel of a version that it has unpacked for the same one.
    """
    files = {f"{CORE}/{name}": content for name, content in package_files(ROOT / CORE)}
    described = describe_checkout(ROOT) if (ROOT / ".git").exists() else None
    if described is not None:
        files[f"{CORE}/{_VERSION_FILE}"] = f"{described}\n".encode()
    digest = hashlib.sha256(
        b"".join(name.encode() + b"\0" + content for name, content in sorted(files.items()))
    ).hexdigest()
    public = read_version(ROOT).pep440
    version = f"{public}{'.' if '+' in public else '+'}c{digest[:8]}"
    info = f"{CORE}-{version}.dist-info"
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {CORE}\nVersion: {version}\n"
        "Summary: The engine of Flamenco for Python\nLicense: GPL-3.0-or-later\n"
    ).encode()
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: build_extension\n"
        b"Root-Is-Purelib: true\nTag: py3-none-any\n"
    )
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD").encode()
    wheel = folder / f"{CORE}-{version}-py3-none-any.whl"
    write_zip(wheel, files)
    return wheel


def package_files(package: Path) -> Iterator[tuple[str, bytes]]:
    """Path from the package on, and content, of each file that belongs to it."""
    for file in sorted(package.rglob("*")):
        parts = file.relative_to(package).parts
        if file.is_file() and not _LEFT_OUT & {*parts} and not file.name.startswith("."):
            yield "/".join(parts), file.read_bytes()


def zip_folder(folder: Path, target: Path) -> Path:
    """One file with all that is in the folder."""
    files = {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    write_zip(target, files)
    return target


def write_zip(target: Path, files: Mapping[str, bytes]) -> None:
    """Writes a zip without anything in it that depends on when, where or by whom."""
    partial = target.with_name(f"{target.name}~")
    with zipfile.ZipFile(partial, "w") as packed:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.create_system = 3  # as Unix, whatever this is
            entry.external_attr = _READABLE
            is_packed = name.endswith(".whl")
            entry.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
            packed.writestr(entry, content)
    partial.replace(target)


def _record(files: Mapping[str, bytes], own_name: str) -> str:
    lines = []
    for name, content in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    return "".join([*lines, f"{own_name},,\n"])


def _replaced(text: str, key: str, lines: str) -> str:
    changed, count = re.subn(rf"^{key} = .*$", lambda _: lines, text, flags=re.MULTILINE)
    if count != 1:
        raise ValueError(f"{MANIFEST} has {count} lines with {key}")
    return changed


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
