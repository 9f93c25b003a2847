"""The link to a Flamenco Server, which gives this Manager tasks and hears what becomes of them."""
