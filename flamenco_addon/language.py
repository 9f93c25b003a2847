"""The artist's language: `tr` is how every text for people passes on its way to the screen.

Without Blender, and until `translations` is registered, texts stay as they are. Names and
descriptions of properties and operators are translated by Blender itself.
"""

from __future__ import annotations

from collections.abc import Callable


def _as_it_is(text: str) -> str:
    return text


_translate: Callable[[str], str] = _as_it_is


def tr(text: str) -> str:
    """The text in the artist's language; on the main thread only.

    What is filled in later stands in braces: `tr("{count} frames").format(count=3)`.
    """
    return _translate(text)


def speak(translate: Callable[[str], str] | None) -> None:
    """Has texts translated so from now on; with None, not any more."""
    global _translate  # noqa: PLW0603 - one language for all of Blender
    _translate = translate or _as_it_is
