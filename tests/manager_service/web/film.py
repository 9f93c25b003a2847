"""The player of frames, which goes round too quickly for who looks at it now and then."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

# What is noted can be waited for without scripts that the page's policy refuses.
_NOTE_SHOWN = """(player, text) => void new MutationObserver(() => {
  if (player.textContent.includes(text)) document.body.dataset.wasShown = text;
}).observe(player, { subtree: true, childList: true, characterData: true })"""


def play_until(player: Locator, text: str) -> None:
    """Presses Play, and waits until the player has shown a text for as long as a frame lasts."""
    player.evaluate(_NOTE_SHOWN, text)
    player.get_by_role("button", name="Play").click()
    expect(player.page.locator("body")).to_have_attribute("data-was-shown", text)
