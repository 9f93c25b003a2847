"""Tells those who follow the farm what happens on it, over WebSockets.

What the core announces (`flamenco_core.events`) is gathered for a moment (`gathering`), described
by what the farm holds then (`describing`), numbered and kept for a while (`ring`), and handed to
those who follow its topics (`hub`), in the form of their channel: ours (`event_session`) or that
of Flamenco 3's pages (`socket_io`).
"""
