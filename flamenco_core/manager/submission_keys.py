"""Idempotency keys: the same submission, sent again under the same key, is the same job."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from datetime import datetime

from flamenco_core import wire
from flamenco_core.errors import Conflict, one_problem
from flamenco_core.manager.unit import Unit
from flamenco_core.model import SubmittedJob
from flamenco_core.store import submission_keys
from flamenco_core.store.submission_keys import SubmissionKey

KEY_PATTERN = r"[\x21-\x7e]{1,255}"
"""Visible ASCII characters."""


class KeyUsedTwice(Conflict):
    """An idempotency key came with another submission than the first time."""


def submission_key(key: str, submitted: SubmittedJob) -> SubmissionKey:
    """What tells this submission from others; raises `InvalidInput` for a key of no use."""
    if not re.fullmatch(KEY_PATTERN, key):
        what = "is not of 1 to 255 visible ASCII characters"
        raise one_problem("idempotency key", what, "make up a UUID for each submission")
    content = json.dumps(wire.to_json(submitted), sort_keys=True)
    return SubmissionKey(key, hashlib.sha256(content.encode()).hexdigest())


def known_job(db: sqlite3.Connection, key: SubmissionKey, *, now: datetime) -> str | None:
    """The UUID of the job that was submitted with this key before; None if there is none.

    Raises:
        KeyUsedTwice: if it was another submission.
    """
    known = submission_keys.find(db, key.key, now=now)
    if known is None:
        return None
    refuse_other(key, known.fingerprint)
    return known.job_uuid


def remember_key(unit: Unit, key: SubmissionKey, job_uuid: str) -> None:
    """Notes the job that was made for a key.

    Raises:
        Conflict: if another was made for it meanwhile.
    """
    if known_job(unit.db, key, now=unit.now) is not None:
        raise Conflict(f"A job was submitted with the idempotency key {key.key!r} meanwhile")
    submission_keys.add(unit.db, key, job_uuid, now=unit.now)


def refuse_other(key: SubmissionKey, fingerprint: str) -> None:
    """Raises `KeyUsedTwice` unless the key came with the same submission before."""
    if key.fingerprint != fingerprint:
        raise KeyUsedTwice(
            f"The idempotency key {key.key!r} was used for another submission; "
            "make up a new key for each job, and use it again only to repeat the same request"
        )
