"""What browsers get: the web interface, the API explorer, and the document behind it.

All of it lies on this machine: the explorer's files come with the `swagger-ui-py` package, of
which nothing else is used.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from flamenco_core.errors import StorageError
from manager_service.routing import API, Role
from manager_service.serving import declare_role
from manager_service.web_page import add_web_page

WEB_FOLDER = Path(__file__).with_name("web")

EXPLORER_FILES: Mapping[str, str] = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
"""What is served of Swagger UI, and as what: its package holds much more."""


_PAGE_HEADERS: Mapping[str, str] = {
    # Always asked for anew, so that nobody sees the page of an older version.
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    # Nothing from elsewhere, and no scripts and styles but those in our files.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; "
        "frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
    ),
}


def add_pages(app: web.Application, document: Mapping[str, Any]) -> None:
    """Adds the routes of all pages; `document` is the OpenAPI document."""
    encoded = orjson.dumps(document)
    for path in (f"{API}/openapi.json", f"{API}/openapi3.json"):
        _add(app, path, _serving(encoded, "application/json"))
    _add(app, f"{API}/docs", _serving(_page("explorer.html"), "text/html"))
    for name, media_type in (("explorer.js", "text/javascript"), ("explorer.css", "text/css")):
        _add(app, f"{API}/docs/{name}", _serving(_page(name), media_type))
    _add(app, f"{API}/docs/", _redirecting(f"{API}/docs"))
    _add(app, f"{API}/swagger-ui/", _redirecting(f"{API}/docs"))
    folder = explorer_folder()
    for name, media_type in EXPLORER_FILES.items():
        content = (folder / name).read_bytes()
        _add(app, f"{API}/docs/{name}", _serving(content, media_type))
    add_web_page(app)
    for path in ("/", "/app"):
        _add(app, path, _redirecting("/app/"))


def _add(app: web.Application, path: str, handler: Handler) -> None:
    """Pages are for everybody: they hold nothing of the farm, and one of them is for logging in."""
    declare_role(app, hdrs.METH_GET, path, Role.ANYONE)
    app.router.add_get(path, handler)


def explorer_folder() -> Path:
    """Where Swagger UI's files lie. Found without importing the package around them."""
    found = importlib.util.find_spec("swagger_ui")
    for location in (found.submodule_search_locations or ()) if found else ():
        folder = Path(location) / "static"
        if folder.is_dir():
            return folder
    raise StorageError(
        "The package swagger-ui-py is missing; install the Manager with "
        "pip install 'flamenco-python[manager]'"
    )


def _page(name: str) -> bytes:
    return (WEB_FOLDER / name).read_bytes()


def _serving(content: bytes, media_type: str) -> Any:
    charset = "utf-8" if media_type.startswith("text/") else None

    async def handle(_request: web.Request) -> web.StreamResponse:
        return web.Response(
            body=content, content_type=media_type, charset=charset, headers=_PAGE_HEADERS
        )

    return handle


def _redirecting(path: str) -> Any:
    async def handle(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": path})

    return handle
