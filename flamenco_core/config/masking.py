"""The text of a configuration file without its secrets, and back again.

A secret is replaced where it stands, so that all else in the text stays exactly as it is. In the
text that comes back, the replacement stands for what was there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flamenco_core.config.document import parse_document
from flamenco_core.config.keys import BY_OLD_NAME, BY_PATH
from flamenco_core.errors import InvalidInput, Problem

if TYPE_CHECKING:
    import yaml

REPLACEMENT = "(secret)"


def masked(text: str, name: str) -> str:
    """The text with `(secret)` for each secret; raises `InvalidInput` if it is no YAML."""
    spans = [
        (node, REPLACEMENT) for _path, node in _secrets(text, name) if node.value not in ("", None)
    ]
    return _replaced(text, spans)


def unmasked(text: str, present: str, name: str) -> str:
    """The text with the secrets of `present` where it has `(secret)`.

    Raises:
        InvalidInput: one of the texts is no YAML, or there is no such secret.
    """
    known = {path: node.value for path, node in _secrets(present, name)}
    spans, problems = [], []
    for path, node in _secrets(text, name):
        if node.value != REPLACEMENT:
            continue
        if known.get(path):
            spans.append((node, known[path]))
        else:
            where = f"{name}, line {node.start_mark.line + 1}, {path}"
            problems.append(Problem(where, "there is no secret yet", "write it here"))
    if problems:
        raise InvalidInput(f"{name} has mistakes", problems=problems)
    return _replaced(text, spans)


def _replaced(text: str, spans: list[tuple[yaml.ScalarNode, str]]) -> str:
    for node, value in sorted(spans, key=lambda span: -span[0].start_mark.index):
        start, end = node.start_mark.index, node.end_mark.index
        # What spans several lines ends only where the next key begins.
        end -= len(text[start:end]) - len(text[start:end].rstrip("\r\n"))
        text = f"{text[:start]}{_quoted(value)}{text[end:]}"
    return text


def _quoted(value: str) -> str:
    plain = (char if " " <= char <= "~" and char not in '"\\' else _escaped(char) for char in value)
    return f'"{"".join(plain)}"'


def _escaped(char: str) -> str:
    return f"\\{char}" if char in '"\\' else f"\\U{ord(char):08x}"


def _secrets(text: str, name: str) -> Iterator[tuple[str, yaml.ScalarNode]]:
    import yaml

    parse_document(text, name)  # raises in the words of all other errors
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    yield from _below(root, "")


def _below(node: yaml.Node | None, above: str) -> Iterator[tuple[str, yaml.ScalarNode]]:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        return
    for key_node, value_node in node.value:
        path = f"{above}.{key_node.value}" if above else str(key_node.value)
        key = BY_PATH.get(path) or BY_OLD_NAME.get(path)
        if isinstance(value_node, yaml.ScalarNode):
            if key is not None and key.is_secret:
                yield path, value_node
        else:
            yield from _below(value_node, path)
