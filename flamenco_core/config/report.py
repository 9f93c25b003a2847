"""Collects what is wrong with a configuration, so that all of it is said at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from flamenco_core.config.document import Entry
from flamenco_core.errors import Problem


class Report:
    """Problems keep a configuration from being used; warnings do not."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def problem(self, entry: Entry, key: str, what: str, hint: str = "") -> None:
        self.problems.append(Problem(_place(entry, key), what, hint))

    def warning(self, entry: Entry, key: str, what: str, hint: str = "") -> None:
        self.warnings.append(Problem(_place(entry, key), what, hint))

    def unknown_keys(self, members: Mapping[str, Entry], above: str, known: Iterable[str]) -> None:
        """Reports the keys of a mapping that are not known, each with the nearest that is."""
        known = list(known)
        for key, entry in members.items():
            if key not in known:
                path = f"{above}.{key}" if above else key
                self.problem(entry, path, "is not a known setting", nearest(key, known))


def nearest(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """A question that names what was perhaps meant, with `prefix`; empty if nothing is near."""
    by_lower_case = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), by_lower_case, n=1)
    return f"did you mean {prefix}{by_lower_case[near[0]]}?" if near else ""


def _place(entry: Entry, key: str) -> str:
    # A place that is an environment variable already says which setting it is.
    return f"{entry.place}, {key}" if key and " " in entry.place else entry.place
