"""The `bpy` wheel inside a program of ours: loading it, and printing in step with it."""

from __future__ import annotations

import ctypes
import importlib
import sys
from typing import Any


def import_bpy() -> Any:
    """The `bpy` module; exits with a sentence if it is not installed or cannot be loaded."""
    try:
        return importlib.import_module("bpy")
    except ModuleNotFoundError as error:
        if error.name != "bpy":
            raise
        sys.exit("flamenco-blender needs the bpy package: pip install bpy, or install Blender")
    except ImportError as error:
        # For example: libXrender.so.1: cannot open shared object file: No such file or directory
        library = str(error).partition(":")[0]
        sys.exit(
            f"flamenco-blender cannot load bpy, since {library} is missing on this machine: "
            f"install the system package that has it ({error})"
        )


def say(text: str) -> None:
    """Prints in step with what Blender's own code prints."""
    flush_all()
    print(text, flush=True)


def flush_all() -> None:
    """Flushes Python's output, and that of Blender's C code, which has a buffer of its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    library = "ucrtbase" if sys.platform == "win32" else None
    ctypes.CDLL(library).fflush(None)
