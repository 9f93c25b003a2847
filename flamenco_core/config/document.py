"""A YAML file as entries that know where they stand, for messages that name the line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flamenco_core.errors import InvalidInput, Problem

if TYPE_CHECKING:
    import yaml

_DEEPEST = 20
_MOST_ENTRIES = 20_000
"""Far more than any configuration has; aliases can make a small file enormous."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a file (or of the environment), and where it stands."""

    place: str
    """`flamenco-manager.yaml, line 3`, or the name of an environment variable."""
    value: Any
    """A text, number, truth value, date or nothing; a list of entries; or entries by key."""
    text: str = ""
    """How a value that is neither list nor mapping is written."""

    @property
    def members(self) -> Mapping[str, Entry] | None:
        """The entries of a mapping; `None` if this is none. An empty value counts as one."""
        if self.value is None:
            return {}
        return self.value if isinstance(self.value, dict) else None

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: entry.plain() for key, entry in self.value.items()}
        if isinstance(self.value, list):
            return [entry.plain() for entry in self.value]
        return self.value


def parse_document(text: str, name: str) -> tuple[Entry, list[Problem]]:
    """Reads YAML; keys that are there twice are returned as problems.

    Raises:
        InvalidInput: if it is not YAML.
    """
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        builder = _Builder(name)
        return builder.entry(root, 1, 0), builder.problems
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}, line {mark.line + 1}" if mark else name
        raise _not_yaml(name, where, error.problem or str(error)) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise _not_yaml(name, name, str(error).splitlines()[0]) from None


def parse_value(text: str, place: str) -> Entry:
    """Reads one value written as YAML, all of it at the same place. Raises `InvalidInput`."""
    entry, _problems = parse_document(text, place)
    return _moved(entry, place)


def each_path(entry: Entry, above: str = "") -> Iterator[tuple[str, Entry]]:
    """All keys of nested mappings, `shaman.enabled`, with their entries."""
    for key, member in (entry.members or {}).items():
        path = f"{above}.{key}" if above else key
        yield path, member
        yield from each_path(member, path)


def is_unicode(text: str) -> bool:
    """Whether the text can be written to a file: no halves of characters, as escapes can make."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _moved(entry: Entry, place: str) -> Entry:
    value = entry.value
    if isinstance(value, dict):
        value = {key: _moved(member, place) for key, member in value.items()}
    elif isinstance(value, list):
        value = [_moved(member, place) for member in value]
    return Entry(place, value, entry.text)


def _not_yaml(name: str, where: str, what: str) -> InvalidInput:
    return InvalidInput(f"{name} is not valid YAML", problems=[Problem(where, what)])


class _Builder:
    def __init__(self, name: str) -> None:
        import yaml

        self._name = name
        self._loader = yaml.SafeLoader("")
        self._count = 0
        self.problems: list[Problem] = []

    def entry(self, node: yaml.Node | None, line: int, depth: int) -> Entry:
        """`line` is where the entry's key stands, which is where people look for it."""
        import yaml

        self._count += 1
        place = f"{self._name}, line {line}"
        if depth > _DEEPEST or self._count > _MOST_ENTRIES:
            raise yaml.YAMLError("it is nested too deeply, or far too long")
        if isinstance(node, yaml.MappingNode):
            return Entry(place, self._members(node, depth))
        if isinstance(node, yaml.SequenceNode):
            items = [self.entry(item, _line(item), depth + 1) for item in node.value]
            return Entry(place, items)
        if node is None:
            return Entry(place, None)
        try:
            value = self._loader.construct_object(node, deep=True)
        except ValueError as error:  # a date such as 2026-02-31
            raise yaml.YAMLError(f"line {line}: {error}") from None
        if not is_unicode(str(node.value)):
            raise yaml.YAMLError(f"line {line}: it holds half characters, which are no text")
        return Entry(place, value, str(node.value))

    def _members(self, node: yaml.MappingNode, depth: int) -> dict[str, Entry]:
        members: dict[str, Entry] = {}
        for key_node, value_node in node.value:
            key, line = str(key_node.value), _line(key_node)
            if key in members:
                what = f"{key} is there twice, first on {members[key].place.rpartition(', ')[2]}"
                self.problems.append(Problem(f"{self._name}, line {line}", what))
            members[key] = self.entry(value_node, line, depth + 1)
        return members


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
