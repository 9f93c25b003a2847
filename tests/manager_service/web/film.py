"""The player of frames, which goes round too quickly for who looks at it now and then."""

from __future__ import annotations

from playwright.sync_api import Locator

_NOTE_SHOWN = """(player, text) => void new MutationObserver(() => {
  window.wasShown ||= player.textContent.includes(text);
}).observe(player, { subtree: true, childList: true, characterData: true })"""


def play_until(player: Locator, text: str) -> None:
    """Presses Play, and waits until the player has shown a text for as long as a frame lasts."""
    player.evaluate(_NOTE_SHOWN, text)
    player.get_by_role("button", name="Play").click()
    player.page.wait_for_function("window.wasShown")
