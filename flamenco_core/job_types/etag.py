"""The etag of a job type: a hash by which add-ons notice that it has changed.

It is computed as Flamenco 3 computes it, so that the same definition has the same etag on a
Manager of either kind: SHA-1 over the compact JSON that Go writes, with an empty etag.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

from flamenco_core.model import AvailableJobType
from flamenco_core.wire import to_json

_GO_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def etag_of(job_type: AvailableJobType) -> str:
    """Forty lower-case hexadecimal digits; an etag that is already set does not count."""
    text = _go_json(to_json(replace(job_type, etag="")))
    # Not a matter of security: any other hash would do if the old one were not known outside.
    return hashlib.sha1(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _go_json(value: Any) -> str:
    """JSON as Go's encoder writes it. Go's structs list their fields by name, as maps do."""
    if isinstance(value, dict):
        pairs = (f"{_go_json(str(key))}:{_go_json(value[key])}" for key in sorted(value))
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{','.join(_go_json(item) for item in value)}]"
    if isinstance(value, float):
        return _go_float(value)
    return json.dumps(value, ensure_ascii=False).translate(_GO_ESCAPES)


def _go_float(value: float) -> str:
    if value == 0 or 1e-6 <= math.fabs(value) < 1e21:
        text = format(Decimal(repr(value)), "f")
        return text.removesuffix(".0")
    mantissa, _, exponent = repr(value).partition("e")
    sign, digits = exponent[0], exponent[1:].lstrip("0")
    return f"{mantissa.removesuffix('.0')}e{sign}{digits}"
