"""Tracing with Blender Asset Tracer 1, which reads .blend files without Blender.

Only its reading half is used. What is packed where, and how blend files are rewritten, is decided
here (`plan`, `rewriting`): BAT 1 moves files that are in the project already, and what it rewrites
differs from run to run.
"""

from __future__ import annotations

import logging
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flamenco_core.packing.dependencies import FileUse, PathField, Trace, UseKind, file_identity
from flamenco_core.packing.errors import MissingExtra, PackingCancelled, PackingError
from flamenco_core.packing.sequences import files_of_sequence

if TYPE_CHECKING:
    from blender_asset_tracer.blendfile import BlendFileBlock
    from blender_asset_tracer.trace.result import BlockUsage

_BAT_LOCK = threading.Lock()
"""BAT keeps opened blend files in a table of the process, so one trace at a time."""

_FOLDERS_OF_PIXELS = frozenset({b"IM", b"MC"})
"""Data blocks whose sequences are the artist's own files, not caches."""

_OWN_SEQUENCE_SUFFIXES = frozenset({".vdb", ".abc", ".usd", ".usda", ".usdc", ".usdz"})


class Bat1Tracer:
    """See `Tracer`. Raises `MissingExtra` when it is made without BAT installed."""

    def __init__(self) -> None:
        prepare_bat()

    def trace(
        self,
        blend: Path,
        *,
        content: Path | None = None,
        cancel: threading.Event | None = None,
        on_blend: Callable[[Path], None] | None = None,
    ) -> Trace:
        contents = {blend: content} if content else {}
        with _BAT_LOCK:
            identities: dict[Path, str] = {}

            def opening(path: Path) -> None:
                identities[path] = file_identity(contents.get(path, path))
                if on_blend is not None:
                    on_blend(path)

            uses = tuple(_trace(blend, content, cancel, opening))
            return Trace(blend, uses, identities, contents)


def prepare_bat() -> None:
    """Import BAT and mend what it gets wrong. Raises `MissingExtra` if it is not installed."""
    try:
        import blender_asset_tracer.trace
    except ImportError as error:
        raise MissingExtra("pack", "reading .blend files") from error
    # What it warns about, missing files above all, is reported by us.
    logging.getLogger(blender_asset_tracer.__name__).setLevel(logging.ERROR)
    with _BAT_LOCK:
        find_node_trees_by_field()
        close_files_that_cannot_be_read()


def find_node_trees_by_field() -> None:
    """Make BAT look for node trees where they are.

    In Blender 5 the compositor's node tree moved to another field of the scene; BAT 1.23 looks
    for that field in every data block of such files, so it finds no node tree in materials, worlds
    and lights, and misses the textures of materials that are linked from other files.
    """
    from blender_asset_tracer.trace import expanders

    def expand_node_tree_of(block: BlendFileBlock) -> Iterator[BlendFileBlock | None]:
        for field in (b"compositing_node_group", b"nodetree"):
            tree = block.get_pointer(field, None)
            if tree is not None:
                yield from expanders._expand_generic_nodetree(tree)

    # The expanders of materials, worlds … look this function up by its name in their module.
    expanders._expand_generic_nodetree_id = expand_node_tree_of


def close_files_that_cannot_be_read() -> None:
    """Make BAT let go of a damaged file, which on Windows nobody could replace otherwise."""
    from blender_asset_tracer.blendfile import BlendFile

    original = BlendFile.__init__
    if getattr(original, "closes_on_failure", False):
        return

    def init(self: BlendFile, path: Path, mode: str = "rb") -> None:
        try:
            original(self, path, mode)
        except BaseException:
            if hasattr(self, "fileobj"):
                self.fileobj.close()
            raise

    init.closes_on_failure = True  # type: ignore[attr-defined]
    BlendFile.__init__ = init  # type: ignore[method-assign]


def _trace(
    blend: Path,
    content: Path | None,
    cancel: threading.Event | None,
    opening: Callable[[Path], None],
) -> Iterator[FileUse]:
    from blender_asset_tracer import blendfile, trace
    from blender_asset_tracer.trace import progress

    reading = [blend]

    class Watcher(progress.Callback):  # type: ignore[misc, unused-ignore]
        def trace_blendfile(self, filename: Path) -> None:
            reading[0] = filename
            opening(filename)

    # Real files have pointers to data blocks that are gone; Blender does not mind them either.
    blendfile.BlendFile.strict_pointer_mode = False
    try:
        if content is not None:
            _open_in_place_of(blend, content)
        for usage in trace.deps(blend, Watcher()):
            if cancel is not None and cancel.is_set():
                raise PackingCancelled
            if usage.asset_path and not _is_image_without_file(usage):
                yield _use(usage)
    except (PackingCancelled, PackingError):
        raise
    except Exception as error:  # BAT raises whatever a damaged file makes its code stumble over
        raise unreadable(reading[0], error) from error
    finally:
        blendfile.close_all_cached()


def _open_in_place_of(blend: Path, content: Path) -> None:
    """Has BAT read `content` where it opens `blend`; relative paths start from `blend`."""
    from blender_asset_tracer import blendfile

    opened = blendfile.BlendFile(content)
    opened.filepath = blend
    blendfile._cache(blend, opened)


def unreadable(blend: Path, error: Exception) -> PackingError:
    """The sentence for a blend file that BAT cannot read, which is closed if it is still open."""
    with warnings.catch_warnings():
        # Unpacking that fails leaves its file to whoever holds the local variables.
        warnings.simplefilter("ignore", ResourceWarning)
        traceback.clear_frames(error.__traceback__)
    if isinstance(error, OSError):
        return PackingError(f"cannot read {blend}: {error.strerror or error}")
    return PackingError(
        f"cannot read {blend}: it is no .blend file, or it is damaged "
        f"({type(error).__name__}: {error})"
    )


def _use(usage: BlockUsage) -> FileUse:
    # The block is read here and now: BAT moves some of them on while it iterates.
    path: Path = usage.abspath
    kind = _kind(usage, path)
    files = _existing(path) if kind is UseKind.FILE else files_of_sequence(path)
    return FileUse(
        used_by=Path(usage.block.bfile.filepath).absolute(),
        data_block=usage.block_name.decode("utf-8", "replace"),
        stored=bytes(usage.asset_path).decode("utf-8", "surrogateescape"),
        path=path,
        kind=kind,
        written_at=_path_field(usage),
        files=files,
    )


def _is_image_without_file(usage: BlockUsage) -> bool:
    """Whether this is an image that is packed into the blend file, or was never in a file.

    BAT leaves these out, except where a modifier uses them.
    """
    from blender_asset_tracer import cdefs

    block = usage.block
    if block.code != b"IM":
        return False
    sources = (
        cdefs.IMA_SRC_FILE,
        cdefs.IMA_SRC_SEQUENCE,
        cdefs.IMA_SRC_MOVIE,
        cdefs.IMA_SRC_TILED,
    )
    is_packed = bool(block.get(b"packedfile", default=0))
    return is_packed or block.get(b"source", default=cdefs.IMA_SRC_FILE) not in sources


def _existing(path: Path) -> tuple[Path, ...]:
    return (path,) if path.is_file() else ()


def _kind(usage: BlockUsage, path: Path) -> UseKind:
    if not usage.is_sequence:
        return UseKind.FILE
    is_own_pixels = usage.block.code in _FOLDERS_OF_PIXELS or usage.path_full_field is None
    is_one_of_many = "*" not in path.name and path.suffix.lower() in _OWN_SEQUENCE_SUFFIXES
    if is_own_pixels or is_one_of_many:
        return UseKind.SEQUENCE
    return UseKind.CACHE


def _path_field(usage: BlockUsage) -> PathField:
    block = usage.block
    holds_folder_only = usage.path_full_field is None
    field = usage.path_full_field or usage.path_dir_field
    if field is None:
        raise PackingError(f"BAT does not say where {usage.asset_path} is written")
    name = field.name.name_only
    if field.name.is_pointer:
        text: Any = block.get_pointer(name)
        return PathField(text.file_offset, text.size, holds_folder_only)
    offset, size = block.abs_offset(name)
    return PathField(offset, size, holds_folder_only)
