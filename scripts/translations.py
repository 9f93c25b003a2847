"""Collects the texts of the Blender extension for translators, and looks after their files.

    python3 scripts/translations.py update    brings flamenco.pot and every .po up to date
    python3 scripts/translations.py check     says what is not translated, and what is wrong

Texts are found in the sources: what goes through `tr`, labels and descriptions of classes, names
and descriptions of properties, the items of menus, and texts that are drawn. Sentences that a
Manager says and that are always the same are among them. A new language is an empty file such as
`fr.po` in flamenco_addon/locale, followed by `update`.
"""

from __future__ import annotations

import argparse
import ast
import re
import string
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADDON = ROOT / "flamenco_addon"
FOLDER = ADDON / "locale"
TEMPLATE = FOLDER / "flamenco.pot"
sys.path.insert(0, str(ROOT))

from flamenco_addon.monitor.sentence_forms import FORMS  # noqa: E402
from flamenco_addon.po_files import (  # noqa: E402
    ANY_CONTEXT,
    Messages,
    PoError,
    read_po,
    write_po,
)
from flamenco_addon.preflight.findings import FIX_DESCRIPTIONS, FIX_LABELS  # noqa: E402
from flamenco_addon.setting_properties import is_shown, label_of  # noqa: E402
from flamenco_core.job_types.library import JobTypeLibrary  # noqa: E402

OPERATOR = "Operator"
"""The context in which Blender translates labels of operators and of their buttons."""
Key = tuple[str, str]
_DRAWN = {"label": ANY_CONTEXT, "prop": ANY_CONTEXT, "operator": OPERATOR, "menu": ANY_CONTEXT}
_LISTS = ("_CHOICES", "_FINDERS", "items")
"""How names of lists end that menus are made of."""
_SENTENCES = "flamenco_addon/monitor/sentence_forms.py"
_FIXES = "flamenco_addon/preflight/findings.py"
_MAY_STAY = re.compile(r"[^A-Za-z]*")


def main() -> int:
    parser = argparse.ArgumentParser(description="Looks after the translations of the extension.")
    parser.add_argument("command", choices=["update", "check"])
    return update() if parser.parse_args().command == "update" else check()


def update() -> int:
    places = found_texts()
    TEMPLATE.write_text(write_po(dict.fromkeys(places, ""), places), encoding="utf-8")
    for file in sorted(FOLDER.glob("*.po")):
        known = _read(file)
        messages = {key: known.get(key) or _elsewhere(known, key) for key in places}
        file.write_text(write_po(messages, places, language=file.stem), encoding="utf-8")
        done = sum(bool(text) for text in messages.values())
        print(f"{file.name}: {done} of {len(messages)} texts are translated")
    return 0


def check() -> int:
    places = found_texts()
    problems = 0
    for file in sorted(FOLDER.glob("*.po")):
        messages = _read(file)
        for key in places:
            if not messages.get(key):
                problems += 1
                print(f"{file.name}: not translated: {key[1]!r}")
        for problem in mistakes(messages):
            problems += 1
            print(f"{file.name}: {problem}")
    print(f"{problems} problems" if problems else "Everything is translated.")
    return 1 if problems else 0


def _read(file: Path) -> Messages:
    try:
        return read_po(file.read_text(encoding="utf-8"), name=file.name)
    except PoError as error:
        raise SystemExit(str(error)) from None


def _elsewhere(known: Messages, key: Key) -> str:
    """What the same text is in the other context."""
    return next((text for (_, other), text in known.items() if other == key[1]), "")


def mistakes(messages: Messages) -> Iterator[str]:
    """Translations that say something else in braces than their texts do."""
    for (_, text), translation in messages.items():
        if translation and _fields(text) != _fields(translation):
            yield f"the braces of {text!r} and {translation!r} differ"


def _fields(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def found_texts(folder: Path = ADDON) -> dict[Key, set[str]]:
    """All texts below a folder of the extension, each with the files that use it."""
    places: dict[Key, set[str]] = {}
    for file in sorted(folder.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for context, text in _Finder().find(tree):
            if not _MAY_STAY.fullmatch(text):
                places.setdefault((context, text), set()).add(file.relative_to(ROOT).as_posix())
    if folder == ADDON:
        for text in _of_managers():
            places.setdefault((ANY_CONTEXT, text), set()).add("flamenco_core/rules")
        for text in filter(None, _of_job_types()):
            places.setdefault((ANY_CONTEXT, text), set()).add("flamenco_core/job_types")
        for text in FORMS:
            places.setdefault((ANY_CONTEXT, text), set()).add(_SENTENCES)
        for text in (*FIX_LABELS.values(), *FIX_DESCRIPTIONS.values()):
            places.setdefault((ANY_CONTEXT, text), set()).add(_FIXES)
    return places


def _of_managers() -> Iterator[str]:
    from flamenco_core.rules.failure_classes import BUILT_IN
    from flamenco_core.statuses import JobStatus, TaskStatus

    yield from (each.sentence for each in BUILT_IN)
    yield from (f"it is {status}" for status in (*JobStatus, *TaskStatus))
    yield from ("none of its tasks has failed", "it is archived", "it is being deleted")


def _of_job_types() -> Iterator[str]:
    """What panels say of the job types that come with every Manager."""
    for job_type in JobTypeLibrary().available():
        yield job_type.label
        yield job_type.description or ""
        for setting in filter(is_shown, job_type.settings):
            yield label_of(setting)
            # Blender ends descriptions with a full stop itself.
            yield (setting.description or "").removesuffix(".")


class _Finder:
    """Walks through one module."""

    def find(self, tree: ast.AST) -> Iterator[Key]:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                yield from self._of_class(node)
            elif isinstance(node, ast.Call):
                yield from self._of_call(node)
            elif isinstance(node, ast.Assign) and _target(node).endswith(_LISTS):
                yield from self._of_items(node.value)

    def _of_class(self, node: ast.ClassDef) -> Iterator[Key]:
        tooltip = ast.get_docstring(node)
        if tooltip and "_OT_" in node.name and not _has_description(node):
            yield ANY_CONTEXT, tooltip
        for statement in node.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                name, text = statement.targets[0].id, _text(statement.value)
                if name == "bl_label" and text:
                    yield (OPERATOR if "_OT_" in node.name else ANY_CONTEXT), text
                elif name == "bl_description" and text:
                    yield ANY_CONTEXT, text

    def _of_call(self, node: ast.Call) -> Iterator[Key]:
        name = _name(node.func)
        if name == "_enum":
            yield from _keys(ANY_CONTEXT, node.args[:2])
        elif name == "tr" and node.args:
            yield from _keys(ANY_CONTEXT, [node.args[0]])
        elif name.endswith("Property") and name[0].isupper():
            named = [each.value for each in node.keywords if each.arg in ("name", "description")]
            yield from _keys(ANY_CONTEXT, named)
            for each in node.keywords:
                if each.arg == "items":
                    yield from self._of_items(each.value)
        elif name in _DRAWN and not _is_switched_off(node):
            texts = [each.value for each in node.keywords if each.arg == "text"]
            yield from _keys(_DRAWN[name], texts)

    def _of_items(self, node: ast.expr) -> Iterator[Key]:
        for item in node.elts if isinstance(node, ast.List | ast.Tuple) else ():
            if isinstance(item, ast.Tuple):
                yield from _keys(ANY_CONTEXT, item.elts[1:3])


def _has_description(node: ast.ClassDef) -> bool:
    return any(
        isinstance(each, ast.Assign) and _target(each) == "bl_description" for each in node.body
    )


def _target(statement: ast.Assign) -> str:
    target = statement.targets[0]
    return target.id if isinstance(target, ast.Name) else ""


def _is_switched_off(node: ast.Call) -> bool:
    return any(each.arg == "translate" for each in node.keywords)


def _keys(context: str, nodes: Iterable[ast.expr]) -> Iterator[Key]:
    for node in nodes:
        text = _text(node)
        if text:
            yield context, text


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


if __name__ == "__main__":
    sys.exit(main())
