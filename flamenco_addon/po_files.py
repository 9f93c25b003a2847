"""Files of translators in the form of GNU gettext, as far as it is used here: no plurals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

Messages: TypeAlias = dict[tuple[str, str], str]
"""By context and text, as Blender wants them; empty for what is not translated."""

ANY_CONTEXT = "*"
_LINE = re.compile(r'(?P<keyword>msgctxt|msgid|msgstr)?\s*(?P<text>".*")')


class PoError(Exception):
    """A file cannot be read; the message names the file and the line."""


def read_po(text: str, *, name: str) -> Messages:
    """What a file says; `name` is the file's.

    Raises:
        PoError: if it is not in the form of such files, or has a text twice.
    """
    reader = _Reader(name)
    for number, line in enumerate(text.splitlines(), 1):
        reader.take(number, line.strip())
    reader.finish()
    reader.messages.pop((ANY_CONTEXT, ""), None)  # about the file itself
    return reader.messages


class _Reader:
    def __init__(self, name: str) -> None:
        self.messages: Messages = {}
        self._name = name
        self._parts: dict[str, str] = {}
        self._keyword = ""
        self._number = 0

    def take(self, number: int, line: str) -> None:
        self._number = number
        if not line or line.startswith("#"):
            if "msgstr" in self._parts:
                self.finish()
            return
        match = _LINE.fullmatch(line)
        if match is None:
            raise PoError(f"{self._name}, line {number}: this is no line of a translation")
        keyword = match["keyword"] or self._keyword
        if match["keyword"] in ("msgctxt", "msgid") and "msgstr" in self._parts:
            self.finish()
        if not keyword or (match["keyword"] and keyword in self._parts):
            raise PoError(f"{self._name}, line {number}: {keyword or 'a text'} is out of place")
        self._keyword = keyword
        try:
            piece = json.loads(match["text"])
        except ValueError:
            raise PoError(f"{self._name}, line {number}: the quotes do not match") from None
        self._parts[keyword] = self._parts.get(keyword, "") + piece

    def finish(self) -> None:
        parts, self._parts, self._keyword = self._parts, {}, ""
        if not parts:
            return
        if "msgid" not in parts or "msgstr" not in parts:
            raise PoError(f"{self._name}, line {self._number}: half of a translation is missing")
        key = (parts.get("msgctxt", ANY_CONTEXT), parts["msgid"])
        if key in self.messages:
            raise PoError(f"{self._name}, line {self._number}: {key[1]!r} is translated twice")
        self.messages[key] = parts["msgstr"]


def write_po(
    messages: Mapping[tuple[str, str], str],
    places: Mapping[tuple[str, str], Iterable[str]],
    *,
    language: str = "",
) -> str:
    """A file with these messages, in order; `places` say where each text is used."""
    lines = [
        "# Texts of the Blender extension. Made by scripts/translations.py.",
        'msgid ""',
        'msgstr ""',
        f'"Language: {language}\\n"',
        '"Content-Type: text/plain; charset=UTF-8\\n"',
        '"Content-Transfer-Encoding: 8bit\\n"',
    ]
    for key in sorted(messages, key=lambda each: (each[1].lower(), each)):
        context, text = key
        lines += ["", *(f"#: {place}" for place in sorted(places.get(key, ())))]
        if context != ANY_CONTEXT:
            lines.append(f"msgctxt {_quoted(context)}")
        lines += [f"msgid {_quoted(text)}", f"msgstr {_quoted(messages[key])}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
