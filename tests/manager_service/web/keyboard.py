"""A walk through a page with the Tab key: what a person meets who has no mouse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page

MOST_STOPS = 600
"""More than any scene has, with pages that are one long list of links: who gets no further before
the page begins anew is in a trap."""

_LOOK = """() => {
  const last = window.lastStop;
  const at = document.activeElement;
  if (!at || at === document.body || at === document.documentElement) return null;
  window.stopNumber ??= 0;
  at.walkNumber ??= window.stopNumber++;
  const label = `${at.tagName.toLowerCase()} "${
    (at.getAttribute('aria-label') || at.title || at.textContent || at.id || '').trim().slice(0, 50)
  }"`;
  const box = at.getBoundingClientRect();
  const style = getComputedStyle(at);
  const hasOutline = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
  const middle = document.elementFromPoint(
    Math.min(innerWidth - 1, Math.max(0, box.left + box.width / 2)),
    Math.min(innerHeight - 1, Math.max(0, box.top + Math.min(box.height / 2, 12))));
  const isInView = box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight &&
    box.right > 0 && box.left < innerWidth;
  const isCovered = isInView && middle && !at.contains(middle) && !middle.contains(at);
  const was = last && last.isConnected ? last.getBoundingClientRect() : null;
  const follows = !last || !last.isConnected ||
    Boolean(last.compareDocumentPosition(at) & Node.DOCUMENT_POSITION_FOLLOWING);
  // Backwards: above without being further to the right, or on the same lines further to the left.
  const isBack = Boolean(was) && was.width > 0 && follows && (
    (box.bottom <= was.top + 1 && box.left < was.right - 1) ||
    (box.top < was.bottom - 1 && box.bottom > was.top + 1 && box.right <= was.left + 1));
  window.lastStop = at;
  return {number: at.walkNumber, label, hasOutline, isInView, isCovered: Boolean(isCovered),
          follows, isBack};
}"""


def walk(page: Page) -> Iterator[str]:
    """What is wrong with the order and the looks of what gets the focus, from the top to the end.

    In something modal the walk goes round in it, and ends when it is at its first stop again. In a
    menu there is no walk, since its entries are reached with the arrow keys.
    """
    if page.get_by_role("menu").count():
        return
    page.evaluate("() => { window.lastStop = null; window.stopNumber = 0 }")
    inside = page.evaluate("Boolean(document.activeElement.closest('[role=dialog]'))")
    if not inside:
        page.evaluate(
            "() => { document.activeElement?.blur(); getSelection()?.removeAllRanges();"
            " document.body.tabIndex = -1; document.body.focus();"
            " document.body.removeAttribute('tabindex') }"
        )
    seen: set[int] = set()
    before = ""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop: dict[str, Any] | None = page.evaluate(_LOOK)
        if stop is None or (inside and stop["number"] in seen):
            break
        label = stop["label"]
        if stop["number"] in seen:
            yield f"the focus comes to {label} again after {before}"
            break
        if not stop["hasOutline"]:
            yield f"{label} does not show that it has the focus"
        if not stop["isInView"]:
            yield f"{label} has the focus, and is not in view"
        if stop["isCovered"]:
            yield f"{label} has the focus, and something lies over it"
        if stop["isBack"] and seen:
            yield f"after {before} the focus goes back to {label}"
        seen.add(stop["number"])
        before = label
    else:
        yield f"the focus does not come to the end after {MOST_STOPS} stops, but to {before}"
    if not seen:
        yield "nothing can be reached with the keyboard"
