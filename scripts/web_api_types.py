"""Writes what the web interface knows of the API: `manager_service/web/src/api`.

    scripts/web_api_types.py

Types of requests and answers come from the OpenAPI document by `openapi-typescript`, which
`npm ci` in `manager_service/web` installs. Names, methods, paths and roles of the operations come
beside them, with whether they are sensitive. Both are checked in, so that building the page needs
no Python; a test holds them to the document.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from build_web import WEB, node_command

TYPES = WEB / "src" / "api" / "schema.d.ts"
OPERATIONS = WEB / "src" / "api" / "operations.ts"
_DIGEST = "// Of the document with SHA-256 "


def main() -> int:
    document = page_document()
    with tempfile.TemporaryDirectory(prefix="flamenco-api-") as folder:
        source = Path(folder, "openapi.json")
        source.write_text(json.dumps(document), encoding="utf-8")
        program = WEB / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
        options = ["--root-types", "--root-types-no-schema-prefix", "--output", str(TYPES)]
        subprocess.run([*node_command(), str(program), str(source), *options], check=True)
    types = _without_paths(TYPES.read_text(encoding="utf-8"))
    TYPES.write_text(f"{_DIGEST}{digest_of(document)}\n{types}", encoding="utf-8", newline="\n")
    OPERATIONS.write_text(operations_module(document), encoding="utf-8", newline="\n")
    return 0


def _without_paths(types: str) -> str:
    """Operations are known by their names; the other way to them is a third of the file."""
    head, rest = types.split("export interface paths {", 1)
    return head + rest[rest.index("export type webhooks") :]


def page_document() -> dict[str, Any]:
    """The OpenAPI document without what is for people only, or differs between installations."""
    from manager_service.api import all_operations
    from manager_service.openapi import openapi_document

    document: dict[str, Any] = _without_prose(openapi_document(all_operations(), version="0"))
    return document


def _without_prose(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_prose(inner)
            for key, inner in value.items()
            if not (key in ("description", "summary", "hint") and isinstance(inner, str))
        }
    return [*map(_without_prose, value)] if isinstance(value, list) else value


def digest_of(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def recorded_digest() -> str:
    """Of the document that the checked-in types were made from."""
    first, _, _ = TYPES.read_text(encoding="utf-8").partition("\n")
    return first.removeprefix(_DIGEST)


def operations_module(document: dict[str, Any]) -> str:
    """TypeScript: each operation's method, path and role, and whether it is sensitive."""
    operations = sorted(
        (described["operationId"], method.upper(), path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    )
    lines = [
        f'  {name}: ["{method}", "{path}", "{described["x-role"]}", '
        f"{str(described.get('x-sensitive', False)).lower()}],"
        for name, method, path, described in operations
    ]
    return "\n".join(
        [
            "// Written by scripts/web_api_types.py from the OpenAPI document.",
            "export const OPERATIONS = {",
            *lines,
            "} as const;",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
