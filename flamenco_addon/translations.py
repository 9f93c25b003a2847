"""The extension in other languages: a file for each in `locale`, such as `de.po`.

`scripts/translations.py` collects the texts of the extension for translators. Blender translates
names, descriptions and labels itself, from what is registered here; everything else passes
through `language.tr`.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import bpy

from . import language
from .po_files import ANY_CONTEXT, Messages, PoError, read_po

log = logging.getLogger(__name__)

FOLDER = Path(__file__).with_name("locale")
LOCALES = {"de": "de_DE"}
"""What Blender calls the language of a file; others are called as the file is."""
_OWNER = __package__ or ""


def load(folder: Path) -> dict[str, Messages]:
    """All languages that lie in a folder, by Blender's names; broken files are left out."""
    languages: dict[str, Messages] = {}
    for file in sorted(folder.glob("*.po")):
        try:
            messages = read_po(file.read_text(encoding="utf-8"), name=file.name)
        except (OSError, PoError) as error:
            log.warning("A translation cannot be used: %s", error)
            continue
        done = {key: text for key, text in messages.items() if text}
        # Labels of operators are also parts of sentences, which have no context.
        anywhere = {(ANY_CONTEXT, text): told for (_, text), told in done.items()}
        languages[LOCALES.get(file.stem, file.stem)] = anywhere | done
    return languages


def register() -> None:
    # By the stubs it takes texts without contexts, and gives none back.
    translations: Any = bpy.app.translations
    translations.register(_OWNER, load(FOLDER))
    language.speak(translations.pgettext_iface)


def unregister() -> None:
    language.speak(None)
    bpy.app.translations.unregister(_OWNER)
