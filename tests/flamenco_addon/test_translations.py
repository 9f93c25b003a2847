"""The extension speaks other languages."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from types import ModuleType

import pytest

import translations
from flamenco_addon import conditions, language
from flamenco_addon.monitor.manager_sentences import read_form, said, said_all
from flamenco_addon.monitor.sentence_forms import FORMS
from flamenco_addon.po_files import PoError, read_po, write_po
from flamenco_addon.preflight import file_checks
from flamenco_addon.preflight.facts import CacheFacts
from flamenco_addon.preflight.findings import FIX_DESCRIPTIONS, FIX_LABELS
from flamenco_core.manager import why_not
from flamenco_core.rules import eligibility
from flamenco_core.rules.plan_summary import plan_summary
from tests.flamenco_addon.in_bpy import run_in_bpy

GERMAN = translations.FOLDER / "de.po"
MONITOR = translations.ADDON / "monitor"
PREFLIGHT = translations.ADDON / "preflight"


def test_files_of_translators_are_read_as_they_are_written() -> None:
    messages = {
        ("*", "Jobs"): "Aufträge",
        ("Operator", "Jobs"): "Zu den Aufträgen",
        ("*", 'a "quoted"\nline \\ more'): "",
    }
    assert read_po(write_po(messages, {("*", "Jobs"): ["a.py"]}), name="de.po") == messages


def test_files_of_other_tools_are_read() -> None:
    text = (
        '#, fuzzy\nmsgid ""\n"two "\n"pieces"\nmsgstr "zwei "\n"Teile"\nmsgid "next"\nmsgstr ""\n'
    )
    assert read_po(text, name="de.po") == {("*", "two pieces"): "zwei Teile", ("*", "next"): ""}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "line 1: this is no line"),
        ('msgid "a"\nmsgid "b"', "line 2: msgid is out of place"),
        ('"a"', "line 1: a text is out of place"),
        ('msgid "a"', "line 1: half of a translation"),
        ('msgid "a"\nmsgstr "b" c"', "line 2"),
        ('msgid "a"\nmsgstr ""\n\nmsgid "a"\nmsgstr ""\n', "'a' is translated twice"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(PoError, match=message):
        read_po(text, name="de.po")


@pytest.mark.parametrize(
    ("folder", "at_least"), [(MONITOR, 100), (PREFLIGHT, 60), (translations.ADDON, 500)]
)
def test_all_texts_of_a_part_are_in_the_template_and_in_german(folder: Path, at_least: int) -> None:
    texts = translations.found_texts(folder)
    assert len(texts) > at_least
    template = read_po(translations.TEMPLATE.read_text(encoding="utf-8"), name="flamenco.pot")
    german = read_po(GERMAN.read_text(encoding="utf-8"), name="de.po")
    assert set(texts) <= set(template)
    assert [text for text in texts if not german.get(text)] == []


def test_findings_and_their_buttons_are_said_in_the_artists_language() -> None:
    german = read_po(GERMAN.read_text(encoding="utf-8"), name="de.po")
    language.speak(lambda text: german.get(("*", text)) or text)
    try:
        (found,) = file_checks.cache_findings(
            [CacheFacts("Cloth of “{Flag}”", False)], project=None
        )
    finally:
        language.speak(None)
    assert found.what.startswith("Cloth of “{Flag}” ist nicht gebacken")
    assert found.hint == "Vor dem Abschicken backen."
    buttons = [*FIX_LABELS.values(), *FIX_DESCRIPTIONS.values()]
    assert [text for text in buttons if not german.get(("*", text))] == []


def test_reasons_of_the_manager_are_said_in_the_artists_language() -> None:
    german = read_po(GERMAN.read_text(encoding="utf-8"), name="de.po")
    language.speak(lambda text: german.get(("*", text)) or text)
    try:
        tagged = said("the job wants the tag {gpu}, which node 7 has not")
        unknown = said("the moon is full")
    finally:
        language.speak(None)
    assert tagged == "der Auftrag verlangt den Tag {gpu}, den node 7 nicht hat"
    assert unknown == "the moon is full"
    assert [form for form in FORMS if not german.get(("*", form))] == []


def test_every_forecast_of_the_manager_has_a_form() -> None:
    workers = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1), (4, 0, 0), (4, 1, 0), (4, 1, 1)]
    workers += [(4, 3, 0), (4, 3, 2)]
    seconds = [None, 3.0, 40.0, 60.0, 600.0, 3600.0, 9000.0, 86_400.0, 900_000.0]
    told = {
        plan_summary(
            able_workers=able,
            awake_workers=awake,
            free_workers=free,
            tasks_waiting=waiting,
            hand_outs=hand_outs,
            missing_task_types=missing,
            first_task_seconds=length,
            all_tasks_seconds=length,
        )
        for able, awake, free in workers
        for waiting in (0, 9)
        for hand_outs in {0, min(free, 1), free}
        for missing in ([], ["ffmpeg", "blender"])
        for length in seconds
    }
    german = read_po(GERMAN.read_text(encoding="utf-8"), name="de.po")
    language.speak(lambda text: german.get(("*", text)) or f"MISSING {text}")
    try:
        translated = [said_all(each) for each in told]
    finally:
        language.speak(None)
    assert len(told) > 50
    assert [text for text in translated if "MISSING" in text] == []
    assert "Aufgaben beginnen sofort; die erste ist in etwa 10 Minuten fertig." in " ".join(
        translated
    )


@pytest.mark.parametrize("module", [eligibility, why_not, conditions])
def test_every_reason_that_the_manager_can_give_has_a_form(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    parts = {
        part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
    }
    told = {
        _sentence(node)
        for owner in ast.walk(tree)
        if isinstance(owner, ast.Lambda | ast.Return | ast.IfExp)
        for node in ast.walk(owner)
        if isinstance(node, ast.JoinedStr | ast.Constant) and node not in parts
    }
    sentences = [each for each in told if len(each.split()) > 1]
    assert len(sentences) >= 3
    assert [each for each in sentences if not read_form(each)[0]] == []


def _sentence(node: ast.JoinedStr | ast.Constant) -> str:
    """A text of the source, with something filled in at each place; empty for a part of one."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    parts = [part.value if isinstance(part, ast.Constant) else "x" for part in node.values]
    return "".join(map(str, parts))


def test_translations_have_the_same_braces_as_their_texts() -> None:
    german = read_po(GERMAN.read_text(encoding="utf-8"), name="de.po")
    assert [*translations.mistakes(german)] == []
    assert [*translations.mistakes({("*", "{a} of {b}"): "{a} von {c}"})] != []


def test_texts_are_found_where_they_are_written(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text(
        'class X_OT_a(Operator):\n    bl_label = "Do It"\n    bl_description = "Does it"\n'
        'class X_PT_a(Panel):\n    bl_label = "Panel"\n    bl_idname = "not.me"\n'
        'x = EnumProperty(name="Kind", items=[("A", "Ay", "First")], default="A")\n'
        'tr("Said {how}")\nlayout.label(text="Drawn")\nlayout.operator("x.y", text="Pressed")\n'
        'layout.label(text="as it is", translate=False)\n'
    )
    finder = translations._Finder()
    assert set(finder.find(ast.parse(source.read_text()))) == {
        ("Operator", "Do It"),
        ("*", "Does it"),
        ("*", "Panel"),
        ("*", "Kind"),
        ("*", "Ay"),
        ("*", "First"),
        ("*", "Said {how}"),
        ("*", "Drawn"),
        ("Operator", "Pressed"),
    }


LANGUAGES = """
    from flamenco_addon import translations
    from flamenco_addon.language import tr
    registered = translations.load(translations.FOLDER)
    lengths = {language: len(texts) for language, texts in registered.items()}
    button, part = (registered["de_DE"][context, "Pause Job"] for context in ("Operator", "*"))
    answer([tr("No job is selected"), lengths, [button, part]])
"""


def test_blender_is_given_the_languages_by_its_own_names(tmp_path: Path) -> None:
    text, languages, pause = run_in_bpy(LANGUAGES, home=tmp_path)
    assert text == "No job is selected"
    assert languages["de_DE"] > 100
    assert pause[0] == pause[1] != "Pause Job"
