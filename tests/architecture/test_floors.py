"""Imports point downwards only, from floor to floor of `docs/architecture.md`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.checkouts import ROOT

PACKAGES = ("flamenco_core", "manager_service", "flamenco_worker", "flamenco_addon")

FRONT_DOOR = "flamenco_core.__init__"
"""Names what the rooms behind it offer to scripts and programs; the rooms themselves keep off."""

FLOORS: tuple[tuple[str, ...], ...] = (
    ("flamenco_core.rules", "flamenco_core.job_types"),
    ("flamenco_core.store", "flamenco_core.shaman"),
    ("flamenco_core.manager",),
    ("flamenco_core.client",),
    ("flamenco_core.packing",),
    ("flamenco_core.command_line",),
    (FRONT_DOOR,),
    ("manager_service", "flamenco_worker", "flamenco_addon"),
)
"""From the lowest upwards. Whatever else `flamenco_core` holds lies below all of them. Rooms that
stand side by side do not import each other."""

RELATIVE = "flamenco_addon"
"""Blender decides what this package is called, so only here imports of itself are relative."""

SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def floor_of(room: str) -> int:
    """How high a room lies; 0 is the lowest."""
    return next((height for height, rooms in enumerate(FLOORS, start=1) if room in rooms), 0)


def room_of(module: str) -> str:
    """`flamenco_core.store` for `flamenco_core.store.jobs`, and `manager_service` for all of it."""
    names = module.split(".")
    return ".".join(names[:2]) if names[0] == "flamenco_core" else names[0]


def imported_modules(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of each module that is imported, at the top or inside a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "." * node.level
            elif node.module == "flamenco_core":
                yield from ((node.lineno, _behind_front_door(alias.name)) for alias in node.names)
            elif node.module:
                yield node.lineno, node.module


def _behind_front_door(name: str) -> str:
    """What `from flamenco_core import name` imports: a module, or what the front door offers."""
    place = ROOT / "flamenco_core" / name
    is_module = place.is_dir() or place.with_suffix(".py").is_file()
    return f"flamenco_core.{name}" if is_module else FRONT_DOOR


def wrong_imports(module: str, source: str) -> list[str]:
    """Imports from a higher floor, or from another room of the same floor."""
    room = room_of(module)
    found = []
    for line, imported in imported_modules(source):
        if imported.startswith(".") or room == room_of(imported) == RELATIVE:
            if imported.startswith(".") != (room == RELATIVE):
                found.append(f"{module}, line {line}, imports {imported}")
            continue
        other = room_of(imported)
        is_wrong = floor_of(other) > 0 and floor_of(other) >= floor_of(room)
        if is_wrong and other != room:
            found.append(f"{module}, line {line}, imports {imported}")
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_from_above_or_beside(package: str) -> None:
    found = []
    for path in SOURCES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] == package:
            found += wrong_imports(".".join(parts), path.read_text(encoding="utf-8"))
    assert found == []


def test_every_room_of_the_floors_exists() -> None:
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in SOURCES}
    assert {room for rooms in FLOORS for room in rooms} <= {room_of(module) for module in modules}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("flamenco_core.wire", "from flamenco_core.rules.lifecycle import x"),
        ("flamenco_core.store.jobs", "def f():\n    import flamenco_core.manager"),
        ("flamenco_core.store.jobs", "from flamenco_core.shaman import ShamanStore"),
        ("flamenco_core.client.connection", "from flamenco_core import packing"),
        ("flamenco_core.manager.facade", "from flamenco_core import ManagerClient"),
        ("flamenco_core.packing.plan", "from flamenco_core.command_line.output import x"),
        ("flamenco_worker.cli", "import manager_service.server"),
        ("flamenco_core.errors", "import flamenco_worker"),
        ("flamenco_core.manager.facade", "from .opening import x"),
        ("flamenco_addon.connection", "from flamenco_addon import background"),
    ],
)
def test_an_import_from_above_or_beside_is_found(module: str, source: str) -> None:
    assert len(wrong_imports(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("flamenco_core.store.jobs", "from flamenco_core import wire\nimport json"),
        ("flamenco_core.store.jobs", "from flamenco_core.store.farm import x"),
        ("flamenco_core.command_line.listing", "import flamenco_core.client"),
        ("flamenco_core.variables", "from flamenco_core.paths import x"),
        ("flamenco_worker.cli", "from flamenco_core import ManagerClient"),
    ],
)
def test_an_import_from_below_is_fine(module: str, source: str) -> None:
    assert wrong_imports(module, source) == []
