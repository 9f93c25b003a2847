"""Which version of the project this is, in the three spellings that people and tools need.

The truth is `git describe`. A checkout (also one installed as editable) asks git each time a
program starts; what is built or exported carries the answer in `version.txt`: a wheel and a sdist
get it from the build hook, `git archive` fills it in by itself. Nothing is read at import time.
The build backend loads this module by itself, without the package around it, so it imports nothing
of ours (nor postponed annotations, which dataclasses cannot resolve in a module loaded that way).
"""

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FIRST_RELEASE = "v0.1"
"""The release a clone counts as when it has no tags."""

WRITTEN_VERSION = Path(__file__).with_name("version.txt")
"""Holds the output of `git describe` where there is no git: one line, `<describe> [<commit>]`."""

_HASH_LENGTH = 7
_GIT_SECONDS = 20
_DESCRIBED = re.compile(
    r"""(?P<tag>v[0-9][^\s]*?)
        (?:-(?P<commits>[0-9]+)-g(?P<hash>[0-9a-f]{7,40}))?
        (?P<dirty>-dirty)?""",
    re.VERBOSE,
)
_RELEASE = re.compile(
    r"v(?P<numbers>\d+(?:\.\d+){0,2})(?:-?(?P<stage>alpha|beta|rc|a|b)\.?(?P<stage_number>\d+))?"
)
_PEP440_STAGE = {"alpha": "a", "beta": "b"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A release and how far from it this source is."""

    tag: str = FIRST_RELEASE
    """The release tag, such as `v1.2` or `v1.3-beta1`."""
    commits: int | None = None
    """Commits since the tag; `None` where nobody counted (an archive of an untagged clone)."""
    commit: str = ""
    """Abbreviated hash of the commit; empty for a released version and where it is not known."""
    dirty: bool = False
    """Whether tracked files differed from the commit."""

    @property
    def is_release(self) -> bool:
        """Whether this is exactly what was tagged."""
        return self.commits == 0 and not self.dirty

    @property
    def shown(self) -> str:
        """What people see: `v1.2`, `v1.2-14-abc1234-dirty`."""
        if self.is_release:
            return self.tag
        commits = "" if self.commits is None else str(self.commits)
        parts = (self.tag, commits, self.commit or "unknown", "dirty" if self.dirty else "")
        return "-".join(part for part in parts if part)

    @property
    def pep440(self) -> str:
        """What Python's packaging tools accept: `1.2`, `1.2.post14+abc1234.dirty`."""
        release = _release_of(self.tag)
        stage = release["stage"]
        public = release["numbers"] + _PEP440_STAGE.get(stage, stage) + release["stage_number"]
        if self.is_release:
            return public
        if self.commits:
            public += f".post{self.commits}"
        return f"{public}+{self.commit or 'unknown'}" + (".dirty" if self.dirty else "")

    @property
    def manifest(self) -> str:
        """What a Blender extension manifest accepts: three numbers, `1.2.0`, and a stage if any."""
        release = _release_of(self.tag)
        numbers = [*release["numbers"].split("."), "0", "0"][:3]
        stage = f"-{release['stage']}.{release['stage_number']}" if release["stage"] else ""
        return ".".join(numbers) + stage


@cache
def current_version() -> Version:
    """The version of the code that is running; asks git at most once per process."""
    return read_version(WRITTEN_VERSION.parent.parent)


def read_version(root: Path) -> Version:
    """The version of the project whose top folder is `root`: a checkout, an unpacked archive, or
    the folder that an installation put `flamenco_core` into.

    Only a `.git` in `root` itself counts, so that a copy of the source inside somebody else's
    repository does not take that repository's version.
    """
    described = describe_checkout(root) if (root / ".git").exists() else None
    if described is None:
        described = _written(root / "flamenco_core" / WRITTEN_VERSION.name)
    return parse_description(described)


def parse_description(text: str) -> Version:
    """Understands what stands in `version.txt`: `v1.2-14-gabc1234[-dirty] [<commit>]`.

    The part before the blank is empty in a source archive of a clone without tags.
    """
    described, _, commit = text.partition(" ")
    match = _DESCRIBED.fullmatch(described)
    if match is None or _RELEASE.fullmatch(match["tag"]) is None:
        return Version(commit=commit.strip()[:_HASH_LENGTH])
    dirty = match["dirty"] is not None
    if match["commits"] is None:
        return Version(
            tag=match["tag"], commits=0, commit=commit.strip()[:_HASH_LENGTH], dirty=dirty
        )
    return Version(
        tag=match["tag"], commits=int(match["commits"]), commit=match["hash"], dirty=dirty
    )


def describe_checkout(root: Path) -> str | None:
    """`git describe` of the checkout in `root`, or `None` if git is missing or refuses."""
    describe = ("describe", "--tags", "--long", f"--abbrev={_HASH_LENGTH}", "--dirty")
    described = _git(root, *describe, "--match=v[0-9]*")
    if described is not None:
        return described
    commits = _git(root, "rev-list", "--count", "HEAD")
    commit = _git(root, *describe[:1], "--always", *describe[3:], "--exclude=*")
    if commits is None or commit is None:
        return None
    return f"{FIRST_RELEASE}-{commits}-g{commit}"


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints, or `None`. Inherited GIT_* variables (we may run inside a hook of another
    repository) are left out, and a checkout that belongs to another user is read all the same.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-c", f"safe.directory={root}", *arguments]
    try:
        answer = subprocess.run(
            command,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _written(path: Path) -> str:
    """The line in `version.txt`; empty if nobody has filled it in."""
    try:
        line = path.read_text(encoding="utf-8").strip("\r\n")
    except OSError:
        return ""
    return "" if line.startswith("$Format") else line


def _release_of(tag: str) -> dict[str, str]:
    match = _RELEASE.fullmatch(tag)
    if match is None:
        raise ValueError(f"{tag!r} is not a release tag such as v1.2 or v1.3-beta1")
    return {name: text or "" for name, text in match.groupdict().items()}
