"""What the fourth version of the schema adds to the third: see `migrations`."""

FOURTH_SCHEMA = """
-- When somebody said that this farm needs no set-up assistant, so that it asks nobody again.
ALTER TABLE farm ADD COLUMN set_up_skipped_at INTEGER;
"""
