"""`flamenco-blender`: a small `blender` executable made from the `bpy` wheel.

Understands the part of Blender's command line that rendering needs, carries out the arguments in
the order in which they stand, and prints and exits as Blender does: a scene that does not exist or
a Python expression that raises is printed and the rest goes on, a render that fails makes the exit
code 1 at the end. Runs headless only, whether `--background` is given or not.
"""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from flamenco_worker.blender.bpy_module import flush_all, import_bpy, say
from flamenco_worker.blender.format_names import python_name
from flamenco_worker.blender.frame_arguments import (
    FrameArgumentError,
    resolve_frames,
    resolve_range_bound,
)

HIGHEST_THREAD_COUNT = 1024

_SETTINGS_WITHOUT_VALUE = frozenset(
    {"-b", "--background", "-noaudio", "-setaudio-none", "--factory-startup", "-q", "--quiet"}
    | {"--offline-mode", "--online-mode", "-d", "--debug", "--debug-cycles", "--debug-memory"}
    | {"--disable-crash-handler", "--disable-abort-handler", "--debug-python", "--debug-all"}
)
_SETTINGS_WITH_VALUE = frozenset({"--log", "--log-level", "--log-file", "--verbose", "--addons"})


class Quit(Exception):
    """Ends the run now, with this exit code."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class BlenderSession:
    """One run: `bpy`, and what the arguments so far have set."""

    def __init__(self, bpy: Any, arguments: Sequence[str]) -> None:
        self.bpy = bpy
        self.arguments = list(arguments)
        self.exit_code = 0
        self.python_exit_code = 0
        self.threads: int | None = None
        self.use_scripts: bool | None = None

    @property
    def scene(self) -> Any:
        return self.bpy.context.scene

    def run(self) -> int:
        """Carries out all arguments and returns the exit code."""
        say(f"Blender {self.bpy.app.version_string} (bpy)")
        sys.argv = ["blender", *self.arguments]
        try:
            self._apply_settings()
            self._apply_threads()
            self._perform_actions()
            say("\nBlender quit")
        except Quit as quitting:
            return quitting.exit_code
        return self.exit_code

    def _apply_settings(self) -> None:
        """Blender reads these first, wherever they stand."""
        for option, value in self._options():
            if option in ("-v", "--version"):
                say(f"Blender {self.bpy.app.version_string}")
                raise Quit(0)
            if option in ("-y", "--enable-autoexec"):
                self.use_scripts = True
            elif option in ("-Y", "--disable-autoexec"):
                self.use_scripts = False
            elif option in ("-t", "--threads"):
                self._read_threads(value)

    def _perform_actions(self) -> None:
        for option, value in self._options():
            action = _ACTIONS.get(option)
            if action is not None:
                # By its name, since a warm Blender does some of them in its own way.
                getattr(self, action.__name__)(value)
            elif option in _SETTINGS_WITHOUT_VALUE | _SETTINGS_WITH_VALUE | _SETTINGS:
                continue
            else:
                if option.startswith("-"):
                    say(f"unknown argument, loading as file: {option}")
                self.open_file(option)

    def _options(self) -> list[tuple[str, str | None]]:
        """The arguments as options with their value; `None` where a value is missing."""
        options: list[tuple[str, str | None]] = []
        arguments = iter(self.arguments)
        for argument in arguments:
            if argument == "--":
                break
            takes_value = argument in _VALUED or argument in _SETTINGS_WITH_VALUE
            options.append((argument, next(arguments, None) if takes_value else ""))
        return options

    def _read_threads(self, value: str | None) -> None:
        allowed = f"[0..{HIGHEST_THREAD_COUNT}]"
        if value is None:
            say(f"\nError: you must specify a number of threads in {allowed} '-t / --threads'.")
        elif not value.isdigit() or int(value) > HIGHEST_THREAD_COUNT:
            expected = f"expected number in {allowed}"
            say(f"\nError: not a number '-t / --threads {value}', {expected}.")
        else:
            self.threads = int(value)

    def _apply_threads(self) -> None:
        if self.threads is None:
            return
        for scene in self.bpy.data.scenes:
            scene.render.threads_mode = "FIXED" if self.threads else "AUTO"
            if self.threads:
                scene.render.threads = self.threads

    def open_file(self, name: str) -> None:
        path = Path(name).absolute()
        scripts = {} if self.use_scripts is None else {"use_scripts": self.use_scripts}
        try:
            # Prints the reason by itself when it fails.
            self.bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, **scripts)
        except RuntimeError:
            say("\nBlender quit")
            raise Quit(1) from None
        self._apply_threads()

    def set_scene(self, name: str | None) -> None:
        if name is None:
            say("\nError: Scene name must follow '-S / --scene'.")
            return
        scene = self.bpy.data.scenes.get(name)
        if scene is None:
            say(f"Can't find scene: '{name}' in file: '{self.bpy.data.filepath}'")
            return
        self.bpy.context.window.scene = scene

    def set_output(self, value: str | None) -> None:
        if value is None:
            say("\nError: you must specify a path after '-o  / --render-output'.")
            return
        self.scene.render.filepath = value

    def set_format(self, value: str | None) -> None:
        if value is None:
            say("\nError: you must specify a format after '-F  / --render-format'.")
            return
        settings = self.scene.render.image_settings
        file_format = python_name(value)
        try:
            if hasattr(settings, "media_type"):  # Blender 5: the choice of formats depends on it
                settings.media_type = _media_type(file_format)
            settings.file_format = file_format
        except TypeError:
            say(
                "\nError: Format from '-F / --render-format' not known or not compiled in this "
                "release."
            )

    def set_use_extension(self, value: str | None) -> None:
        if value not in ("0", "1"):
            say("\nError: you must specify 0 or 1 after '-x  / --use-extension'.")
            return
        self.scene.render.use_file_extension = value == "1"

    def set_engine(self, value: str | None) -> None:
        if value is None:
            say("\nError: engine not specified, give 'help' for a list of available engines.")
            raise Quit(1)
        engines = self.scene.render.bl_rna.properties["engine"]
        if value == "help":
            names = [item.identifier for item in engines.enum_items]
            say("Blender Engine Listing:\n\t" + "\n\t".join(names))
            raise Quit(0)
        try:
            self.scene.render.engine = value
        except TypeError:
            say(f"\nError: engine not found '{value}'")
            raise Quit(1) from None

    def set_frame_start(self, value: str | None) -> None:
        frame = self._range_bound(value, "-s / --frame-start")
        if frame is not None:
            self.scene.frame_start = frame

    def set_frame_end(self, value: str | None) -> None:
        frame = self._range_bound(value, "-e / --frame-end")
        if frame is not None:
            self.scene.frame_end = frame

    def _range_bound(self, value: str | None, option: str) -> int | None:
        if value is None:
            say(f"\nError: frame number must follow '{option}'.")
            return None
        try:
            return resolve_range_bound(value, self.scene.frame_start, self.scene.frame_end)
        except FrameArgumentError as error:
            say(f"\nError: {error} '{option} {value}'.")
            return None

    def set_frame_jump(self, value: str | None) -> None:
        if value is None or not value.isdigit() or value == "0":
            say(f"\nError: number of frames to step must be given '-j / --frame-jump {value}'.")
            return
        self.scene.frame_step = int(value)

    def run_expression(self, expression: str | None) -> None:
        if expression is None:
            say("\nError: you must specify a Python expression after '--python-expr'.")
            return
        self._run_python(expression, "<string>", f"expr: '{expression}'")

    def run_script(self, name: str | None) -> None:
        if name is None:
            say("\nError: you must specify a filepath after '-P / --python'.")
            return
        path = Path(name).absolute()
        try:
            source = path.read_text(encoding="utf-8")
        except OSError as error:
            reason = error.strerror
            say(f'Error: Python: OSError: Python file "{path}" could not be opened: {reason}')
            self._python_failed(f"filepath: '{path}'")
            return
        self._run_python(source, str(path), f"filepath: '{path}'")

    def _run_python(self, source: str, file_name: str, what: str) -> None:
        namespace = {"__name__": "__main__", "__file__": file_name, "__builtins__": __builtins__}
        try:
            exec(compile(source, file_name, "exec"), namespace)  # noqa: S102 - what the option is for
        except SystemExit as leaving:
            raise Quit(_exit_code_of(leaving)) from None
        except BaseException as error:  # noqa: BLE001 - whatever a script raises
            # The frame of this method is not the script's.
            shown = traceback.TracebackException.from_exception(error)
            del shown.stack[:1]
            say("Error: Python: " + "".join(shown.format()).rstrip())
            self._python_failed(what)

    def _python_failed(self, what: str) -> None:
        if self.python_exit_code:
            say(f"\nError: script failed, {what}, exiting.")
            raise Quit(self.python_exit_code)

    def set_python_exit_code(self, value: str | None) -> None:
        if value is None or not value.isdigit() or int(value) > 255:
            say(f"\nError: exit code {value} is not in [0..255] '--python-exit-code'.")
            return
        self.python_exit_code = int(value)

    def render_frames(self, value: str | None) -> None:
        if value is None:
            say("\nError: frame number must follow '-f / --render-frame'.")
            return
        try:
            frames = resolve_frames(value, self.scene.frame_start, self.scene.frame_end)
        except FrameArgumentError as error:
            kind = "Warning" if "ignored" in str(error) else "Error"
            say(f"\n{kind}: {error} '-f / --render-frame {value}'.")
            return
        for frame in frames:
            if frame < 0:
                self._render_negative(frame)
            else:
                self._render(frame, frame)

    def render_animation(self, _value: str | None) -> None:
        self._render(self.scene.frame_start, self.scene.frame_end)

    def _render(self, first: int, last: int) -> None:
        """Renders as an animation, since only that puts the frame number into the file's name."""
        scene = self.scene
        range_of_scene = (scene.frame_start, scene.frame_end)
        scene.frame_start, scene.frame_end = first, last
        try:
            with self._saying_progress():
                self.bpy.ops.render.render(animation=True, scene=scene.name)
        except RuntimeError:  # already printed
            self.exit_code = 1
        finally:
            scene.frame_start, scene.frame_end = range_of_scene
            flush_all()

    @contextmanager
    def _saying_progress(self) -> Iterator[None]:
        """Within the block the samples of each frame are said, as the executables do.

        The modules of Blender 5 do not, so that a long frame would look like a program that hangs.
        """
        if self.bpy.app.version < _FIRST_SILENT_VERSION:
            yield
            return

        def say_statistics(statistics: str, *_: Any) -> None:
            if "Updating" not in statistics:
                frame = (
                    "" if statistics.startswith("Time:") else f"Fra: {self.scene.frame_current} | "
                )
                say(f"render           | {frame}{statistics}")

        handlers = self.bpy.app.handlers.render_stats
        handlers.append(say_statistics)
        try:
            yield
        finally:
            handlers.remove(say_statistics)

    def _render_negative(self, frame: int) -> None:
        """Renders a still under the name that it has in an animation.

        Python cannot make a scene's range begin below 0.
        """
        scene = self.scene
        render = scene.render
        path = self.bpy.path.abspath(render.frame_path(frame=frame))
        if render.is_movie_format:
            say(f"Error: frame {frame} cannot be rendered into a movie by bpy")
            self.exit_code = 1
            return
        if not render.use_overwrite and Path(path).exists():
            say(f'skipping existing frame "{path}"')
            return
        output = render.filepath
        render.filepath = path
        try:
            scene.frame_set(frame)
            with self._saying_progress():
                self.bpy.ops.render.render(write_still=True, scene=scene.name)
        except RuntimeError:  # already printed
            self.exit_code = 1
        finally:
            render.filepath = output
            flush_all()


_ACTIONS: dict[str, Callable[[BlenderSession, str | None], None]] = {
    **dict.fromkeys(("-S", "--scene"), BlenderSession.set_scene),
    "--python-expr": BlenderSession.run_expression,
    **dict.fromkeys(("-P", "--python"), BlenderSession.run_script),
    "--python-exit-code": BlenderSession.set_python_exit_code,
    **dict.fromkeys(("-o", "--render-output"), BlenderSession.set_output),
    **dict.fromkeys(("-F", "--render-format"), BlenderSession.set_format),
    **dict.fromkeys(("-x", "--use-extension"), BlenderSession.set_use_extension),
    **dict.fromkeys(("-f", "--render-frame"), BlenderSession.render_frames),
    **dict.fromkeys(("-s", "--frame-start"), BlenderSession.set_frame_start),
    **dict.fromkeys(("-e", "--frame-end"), BlenderSession.set_frame_end),
    **dict.fromkeys(("-j", "--frame-jump"), BlenderSession.set_frame_jump),
    **dict.fromkeys(("-a", "--render-anim"), BlenderSession.render_animation),
    **dict.fromkeys(("-E", "--engine"), BlenderSession.set_engine),
}
_SETTINGS = frozenset(
    {"-v", "--version", "-t", "--threads", "-y", "--enable-autoexec", "-Y", "--disable-autoexec"}
)
_VALUED = (_ACTIONS.keys() - {"-a", "--render-anim"}) | {"-t", "--threads"}


_FIRST_SILENT_VERSION = (5, 0, 0)


def _media_type(file_format: str) -> str:
    if file_format == "OPEN_EXR_MULTILAYER":
        return "MULTI_LAYER_IMAGE"
    return "VIDEO" if file_format == "FFMPEG" else "IMAGE"


def _exit_code_of(leaving: SystemExit) -> int:
    if leaving.code is None or isinstance(leaving.code, int):
        return leaving.code or 0
    say(str(leaving.code))
    return 1


def main() -> NoReturn:
    """The console script; `sys.argv` is Blender's command line."""
    arguments = sys.argv[1:]
    bpy = import_bpy()
    exit_code = BlenderSession(bpy, arguments).run()
    # A handler, class or timer that a script or the .blend file has registered makes bpy crash
    # or hang in Python's normal way out; this way out leaves Blender's temporary folder to us.
    # It is the user's own one where Blender could not make one.
    if Path(bpy.app.tempdir).name.startswith("blender_"):
        shutil.rmtree(bpy.app.tempdir, ignore_errors=True)
    flush_all()
    os._exit(exit_code)


if __name__ == "__main__":
    main()
