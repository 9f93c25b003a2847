"""The web interface as it was built: read once at the start, and served under `/app/`.

Files whose names hold a digest of their content never change and may be kept for ever; the page
itself is asked for anew each time. Paths of the page that are no files are views of it (deep
links). Without a built page the address says how to build it, and the API runs all the same.
"""

from __future__ import annotations

import hashlib
import html
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import hdrs, web

from manager_service.problem_answers import refusal
from manager_service.routing import Role
from manager_service.serving import declare_role

BUILT = Path(__file__).with_name("web") / "dist"
HASHED_FOLDER = "assets"
"""Where the build puts files with digests in their names."""

_ENCODINGS: Mapping[str, str] = {"br": ".br", "gzip": ".gz"}
"""The best first, and what the build adds to names of files that are compressed."""

_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
"""Not from `mimetypes` alone, which on Windows asks the registry for them."""

_NOT_SERVED = frozenset({"built-from.txt"})

_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; "
    "form-action 'self'; base-uri 'none'"
)
"""Nothing from elsewhere, no scripts and styles but those in our files."""

_MISSING = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Flamenco Manager</title></head>
<body>
<h1>This Manager is running, without its pages</h1>
<p>The web interface has not been built: {reason}</p>
<p>In the checkout that this Manager was installed from, run
<code>python scripts/build_web.py</code>, and start the Manager again. It needs Node 20.19 or newer
and the npm registry.</p>
<p>All else works: <a href="/api/v3/docs">the API and its explorer</a>, the command
<code>flamenco</code>, and Blender's add-on.</p>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file of the page with its compressed forms."""

    media_type: str
    cache_control: str
    etag: str
    plain: bytes
    encoded: Mapping[str, bytes] = field(default_factory=dict)

    def answer(self, request: web.Request) -> web.Response:
        headers = {
            "Content-Type": self.media_type,
            "Cache-Control": self.cache_control,
            "ETag": f'"{self.etag}"',
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Content-Security-Policy": _POLICY,
        }
        if any(each.value == self.etag for each in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        accepted = {
            part.split(";")[0].strip()
            for part in request.headers.get(hdrs.ACCEPT_ENCODING, "").split(",")
        }
        for encoding, content in self.encoded.items():
            if encoding in accepted:
                return web.Response(body=content, headers={**headers, "Content-Encoding": encoding})
        return web.Response(body=self.plain, headers=headers)


def read_built(folder: Path = BUILT) -> dict[str, BuiltFile]:
    """The files of a built page by their paths; none if it was not built, or not wholly."""
    if not (folder / "index.html").is_file():
        return {}
    suffixes = tuple(_ENCODINGS.values())
    return {
        path.relative_to(folder).as_posix(): _read(path, folder)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in _NOT_SERVED and not path.name.endswith(suffixes)
    }


def _read(path: Path, folder: Path) -> BuiltFile:
    content = path.read_bytes()
    beside = {name: path.with_name(path.name + suffix) for name, suffix in _ENCODINGS.items()}
    guessed, _ = mimetypes.guess_type(path.name)
    is_hashed = path.relative_to(folder).parts[0] == HASHED_FOLDER
    return BuiltFile(
        media_type=_TYPES.get(path.suffix) or guessed or "application/octet-stream",
        cache_control="public, max-age=31536000, immutable" if is_hashed else "no-cache",
        etag=hashlib.sha256(content).hexdigest()[:32],
        plain=content,
        encoded={name: file.read_bytes() for name, file in beside.items() if file.is_file()},
    )


def add_web_page(app: web.Application, files: Mapping[str, BuiltFile] | None = None) -> None:
    """Adds the routes under `/app/`, for everybody: the page holds nothing of the farm."""
    found = read_built() if files is None else files

    async def serve(request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if path in found:
            return found[path].answer(request)
        if path.startswith(f"{HASHED_FOLDER}/"):
            return refusal(404, f"There is no file {path} of the page; it is of another version")
        return found["index.html"].answer(request) if found else _missing()

    declare_role(app, hdrs.METH_GET, "/app/{path}", Role.ANYONE)
    app.router.add_get(r"/app/{path:.*}", serve)


def _missing() -> web.Response:
    reason = html.escape(f"there is no {BUILT / 'index.html'}.")
    return web.Response(
        status=503,
        text=_MISSING.format(reason=reason),
        content_type="text/html",
        headers={"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'"},
    )
