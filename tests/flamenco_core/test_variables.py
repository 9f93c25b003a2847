from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.model import Audience, ManagerVariable
from flamenco_core.paths import PathOnPlatform, PathWithVariable
from flamenco_core.variables import Variable, Variables, VariableTable, VariableValue

WORKERS, USERS = Audience.WORKERS, Audience.USERS
PLATFORMS = ["linux", "windows", "darwin"]


def oneway(*values: VariableValue) -> Variable:
    return Variable(values)


def twoway(**value_of: str) -> Variable:
    """A two-way variable with a value for each platform named."""
    values = [VariableValue(value, (platform,)) for platform, value in value_of.items()]
    return Variable(tuple(values), is_twoway=True)


def table(
    variables: Variables,
    platform: str,
    audience: Audience = WORKERS,
    *,
    job_storage: str = "",
    manager_platform: str = "linux",
) -> VariableTable:
    return variables.table(
        audience, platform, job_storage=job_storage, manager_platform=manager_platform
    )


PICKED = Variables(
    {
        "blender": oneway(
            VariableValue("/opt/blender/blender", ("linux",)),
            VariableValue("C:\\Blender\\blender.exe", ("windows",)),
        ),
        "args": oneway(VariableValue("-b"), VariableValue("-b -y", ("linux",))),
        "twice": oneway(VariableValue("first"), VariableValue("last")),
        "root": oneway(
            VariableValue("/mnt/farm", audiences=frozenset({WORKERS})),
            VariableValue("/home/artist", audiences=frozenset({USERS})),
        ),
        "shots": oneway(VariableValue("{root}/shots")),
        "deep": oneway(VariableValue("{shots}/{args}/{nothing}")),
    }
)


@pytest.mark.parametrize(
    ("name", "audience", "platform", "expected"),
    [
        ("blender", WORKERS, "linux", "/opt/blender/blender"),
        ("blender", WORKERS, "windows", "C:\\Blender\\blender.exe"),
        ("blender", WORKERS, "darwin", None),
        ("args", WORKERS, "linux", "-b -y"),
        ("args", WORKERS, "darwin", "-b"),
        ("twice", WORKERS, "linux", "last"),
        ("root", WORKERS, "linux", "/mnt/farm"),
        ("root", USERS, "linux", "/home/artist"),
        ("shots", USERS, "linux", "/home/artist/shots"),
        ("deep", WORKERS, "linux", "/mnt/farm/shots/-b -y/{nothing}"),
        ("deep", WORKERS, "plan9", "/mnt/farm/shots/-b/{nothing}"),
    ],
)
def test_a_value_is_picked_by_platform_and_audience(
    name: str, audience: Audience, platform: str, expected: str | None
) -> None:
    assert table(PICKED, platform, audience).values.get(name) == expected


def test_placeholders_are_replaced_in_texts_lists_and_objects_but_not_in_keys() -> None:
    parameters = {
        "exe": "{blender}",
        "args": ["{args}", 5, {"{root}": "{root}/x"}],
        "python": "print({1: 2})",
        "unknown": "{nothing}",
    }
    assert table(PICKED, "linux").expand(parameters) == {
        "exe": "/opt/blender/blender",
        "args": ["-b -y", 5, {"{root}": "/mnt/farm/x"}],
        "python": "print({1: 2})",
        "unknown": "{nothing}",
    }


def test_a_variable_without_a_value_for_the_platform_stays_as_it_is() -> None:
    darwin = table(PICKED, "darwin")
    assert darwin.expand("{blender} {args}") == "{blender} -b"
    assert darwin.missing("{blender} {args} {what}") == ["blender", "what"]


def test_a_loop_between_variables_is_named_once() -> None:
    loop = Variables(
        {
            "a": oneway(VariableValue("{b}")),
            "b": oneway(VariableValue("{c}")),
            "c": oneway(VariableValue("{a}")),
        }
    )
    problems = loop.problems()
    assert len(problems) == 1
    assert "b → c → a" in problems[0].what
    assert PICKED.problems() == []


def test_a_loop_through_the_folder_of_the_jobs_is_found() -> None:
    variables = Variables({"a": oneway(VariableValue("{jobs}/a", ("linux",)))})
    assert variables.problems(job_storage="/mnt/farm") == []
    assert len(variables.problems(job_storage="{a}/farm")) == 1


def test_filling_in_a_loop_ends() -> None:
    looped = Variables({"a": oneway(VariableValue("{a}{a}{b}")), "b": oneway(VariableValue("{a}"))})
    assert "a" in table(looped, "linux").values


# One storage under a path of its own on each platform, as Flamenco's documentation has it.
STUDIO = Variables(
    {
        "st": twoway(linux="/mnt/fl/", windows="F:\\fl\\", darwin="/Volumes/fl"),
        "drive": twoway(linux="/mnt/drive", windows="D:\\"),
        "unc": twoway(linux="/mnt/unc", windows="\\\\nas\\unc\\", darwin="/Volumes/unc"),
        "ours": twoway(linux="/mnt/ours"),
        "tool": oneway(VariableValue("C:\\Tool\\t.exe", ("windows",)), VariableValue("t")),
        "args": oneway(VariableValue("-x a/b --url http://h//p")),
        "script": oneway(VariableValue("{st}/scripts/run.py")),
    }
)


@pytest.mark.parametrize(
    ("platform", "submitted", "stored"),
    [
        ("windows", "f:/FL/shots/a.blend", "{st}/shots/a.blend"),
        ("windows", "F:\\fl\\shots\\a b.blend", "{st}/shots/a b.blend"),
        ("windows", "F:\\fl", "{st}"),
        ("windows", "F:\\fl\\", "{st}/"),
        ("windows", "F:\\fl2\\a", "F:\\fl2\\a"),
        ("windows", "F:fl\\a", "F:fl\\a"),
        ("windows", "D:\\a", "{drive}/a"),
        ("windows", "D:/", "{drive}/"),
        ("windows", "d:", "{drive}"),
        ("windows", "D:a", "D:a"),
        ("windows", "\\\\NAS\\unc\\a", "{unc}/a"),
        ("windows", "//nas/unc/a", "{unc}/a"),
        ("windows", "\\\\?\\F:\\fl\\shots\\a.blend", "{st}/shots/a.blend"),
        ("windows", "\\\\?\\UNC\\nas\\unc\\a", "{unc}/a"),
        ("windows", "\\\\?\\E:\\a", "\\\\?\\E:\\a"),
        ("windows", "\\\\nas\\uncle\\a", "\\\\nas\\uncle\\a"),
        ("windows", "/nas/unc/a", "/nas/unc/a"),
        ("windows", "/mnt/fl/a", "/mnt/fl/a"),
        ("linux", "/mnt/fl/shots/######", "{st}/shots/######"),
        ("linux", "/MNT/FL/a", "{st}/a"),
        ("linux", "/mnt/flow/a", "/mnt/flow/a"),
        ("linux", "see /mnt/fl/a", "see /mnt/fl/a"),
        ("linux", "{st}/a", "{st}/a"),
        ("linux", "{st}\\a", "{st}/a"),
        ("linux", "{blender} /mnt/fl", "{blender} /mnt/fl"),
        ("linux", "//textures/a.png", "//textures/a.png"),
        ("linux", "", ""),
        ("darwin", "/Volumes/fl/a", "{st}/a"),
        ("plan9", "/mnt/fl/a", "/mnt/fl/a"),
    ],
)
def test_a_submitted_path_is_stored_below_its_variable(
    platform: str, submitted: str, stored: str
) -> None:
    assert table(STUDIO, platform).abbreviate(submitted) == stored


def test_nested_settings_are_abbreviated_and_other_values_stay() -> None:
    settings = {"blendfile": "/mnt/fl/a", "fps": 24, "more": ["/mnt/fl", None, {"/mnt/fl": True}]}
    assert table(STUDIO, "linux").abbreviate(settings) == {
        "blendfile": "{st}/a",
        "fps": 24,
        "more": ["{st}", None, {"/mnt/fl": True}],
    }


def test_the_longest_folder_wins_then_its_case_then_its_name() -> None:
    nested = Variables(
        {
            "a": twoway(linux="/mnt"),
            "b": twoway(linux="/mnt/fl/shots"),
            "c": twoway(linux="/mnt/fl"),
            "e": twoway(linux="/mnt/Fl"),
            "d": twoway(linux="/mnt/Fl/"),
            "f": twoway(linux=""),
        }
    )
    linux = table(nested, "linux")
    assert linux.abbreviate("/mnt/fl/shots/x") == "{b}/x"
    assert linux.abbreviate("/mnt/fl/shots2/x") == "{c}/shots2/x"
    assert linux.abbreviate("/mnt/Fl/x") == "{d}/x"
    assert linux.abbreviate("/mnt/FL/x") == "{c}/x"
    assert linux.abbreviate("/mnt/x") == "{a}/x"


@pytest.mark.parametrize(
    ("text", "on_windows", "on_linux"),
    [
        ("{st}/shots/a.blend", "F:\\fl\\shots\\a.blend", "/mnt/fl/shots/a.blend"),
        ("{st}\\shots\\a.blend", "F:\\fl\\shots\\a.blend", "/mnt/fl/shots/a.blend"),
        ("{st}", "F:\\fl", "/mnt/fl"),
        ("{st}/out/", "F:\\fl\\out\\", "/mnt/fl/out/"),
        ("{st}//a", "F:\\fl\\a", "/mnt/fl/a"),
        ("{st}_old/a", "F:\\fl_old\\a", "/mnt/fl_old/a"),
        ("{st}/a/{timestamp}/######", "F:\\fl\\a\\{timestamp}\\######", None),
        ("{st}/my shot - v2/*.png", "F:\\fl\\my shot - v2\\*.png", "/mnt/fl/my shot - v2/*.png"),
        ("{drive}/a", "D:\\a", "/mnt/drive/a"),
        ("{drive}", "D:\\", "/mnt/drive"),
        ("{drive}a/b", "D:\\a\\b", "/mnt/drivea/b"),
        ("{unc}/a/b", "\\\\nas\\unc\\a\\b", "/mnt/unc/a/b"),
        ("{ours}/a/b", "{ours}/a/b", "/mnt/ours/a/b"),
        ("--output={st}/my dir/a", "--output=F:\\fl\\my dir\\a", "--output=/mnt/fl/my dir/a"),
        ("{st}/a;{unc}/b", "F:\\fl\\a;\\\\nas\\unc\\b", "/mnt/fl/a;/mnt/unc/b"),
        ("{tool}", "C:\\Tool\\t.exe", "t"),
        ("{args}", "-x a/b --url http://h//p", "-x a/b --url http://h//p"),
        ("{script}", "F:\\fl\\scripts\\run.py", "/mnt/fl/scripts/run.py"),
        # Arguments behind a path are left alone, whatever slashes they hold.
        (
            "{st}/run.py --url=http://h//p -x a\\\\b",
            "F:\\fl\\run.py --url=http://h//p -x a\\\\b",
            "/mnt/fl/run.py --url=http://h//p -x a\\\\b",
        ),
        # In code and in lines of arguments a backslash would be an escape.
        (
            "-b -P {st}/run.py -- a//b",
            "-b -P F:/fl/run.py -- a//b",
            "-b -P /mnt/fl/run.py -- a//b",
        ),
        (
            "import x; x.load('{st}/my dir/a'); print(7 // 2, 'a\\n')",
            "import x; x.load('F:/fl/my dir/a'); print(7 // 2, 'a\\n')",
            "import x; x.load('/mnt/fl/my dir/a'); print(7 // 2, 'a\\n')",
        ),
        ('"{unc}/a b" c//d', '"//nas/unc/a b" c//d', '"/mnt/unc/a b" c//d'),
        ("no placeholder // here\\", "no placeholder // here\\", "no placeholder // here\\"),
        ("{} {st", "{} {st", "{} {st"),
    ],
)
def test_a_placeholder_becomes_the_path_on_the_platform(
    text: str, on_windows: str, on_linux: str | None
) -> None:
    assert table(STUDIO, "windows").expand(text) == on_windows
    if on_linux is not None:
        assert table(STUDIO, "linux").expand(text) == on_linux


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{jobs}/x/y", "F:\\fl\\jobs\\x\\y"),
        ("{jobs}", "F:\\fl\\jobs"),
        ("--input={jobs}/x", "--input=F:\\fl\\jobs\\x"),
        ("open('{jobs}/x')", "open('F:/fl/jobs/x')"),
        ("/mnt/fl/a/b.blend", "F:\\fl\\a\\b.blend"),
        ("/mnt/fl/run.py --url=http://h//p", "F:\\fl\\run.py --url=http://h//p"),
        ("/mnt/drive/a", "D:\\a"),
        ("/mnt/drive", "D:\\"),
        ("/mnt/flow/a", "/mnt/flow/a"),
        ("/MNT/fl/a", "/MNT/fl/a"),
        ("/mnt/ours/a", "/mnt/ours/a"),
        ("x /mnt/fl/a", "x /mnt/fl/a"),
    ],
)
def test_what_begins_with_a_folder_of_a_linux_manager_is_found_on_windows(
    text: str, expected: str
) -> None:
    assert table(STUDIO, "windows", job_storage="/mnt/fl/jobs").expand(text) == expected


def test_a_windows_manager_is_found_on_linux_whatever_the_case() -> None:
    linux = table(STUDIO, "linux", job_storage="F:/FL/jobs", manager_platform="windows")
    assert linux.expand("{jobs}/x") == "/mnt/fl/jobs/x"
    assert linux.expand("f:\\fl\\x y\\z") == "/mnt/fl/x y/z"
    assert linux.expand("D:\\") == "/mnt/drive/"


def test_jobs_on_the_managers_own_platform_is_its_own_path() -> None:
    windows = table(STUDIO, "windows", job_storage="E:/elsewhere/jobs", manager_platform="windows")
    assert windows.expand("{jobs}/x/y") == "E:\\elsewhere\\jobs\\x\\y"


def test_jobs_that_no_variable_covers_stay_the_managers_path() -> None:
    windows = table(STUDIO, "windows", job_storage="/srv/jobs")
    assert windows.expand("{jobs}/x") == "/srv/jobs/x"


def test_the_deepest_folder_of_the_manager_is_swapped() -> None:
    nested = Variables(
        {
            "a": twoway(linux="/mnt", windows="M:\\"),
            "b": twoway(linux="/mnt/fl", windows="F:\\"),
        }
    )
    windows = table(nested, "windows")
    assert windows.expand("/mnt/fl/x") == "F:\\x"
    assert windows.expand("/mnt/x") == "M:\\x"


def test_users_get_the_path_under_which_they_see_the_managers_folder() -> None:
    values = (
        VariableValue("/mnt/fl", ("linux",), frozenset({WORKERS})),
        VariableValue("/home/artist/fl", ("linux",), frozenset({USERS})),
    )
    variables = Variables({"st": Variable(values, is_twoway=True)})
    users = table(variables, "linux", USERS, job_storage="/mnt/fl/jobs")
    assert users.values["jobs"] == "/home/artist/fl/jobs"
    assert users.abbreviate("/home/artist/fl/x") == "{st}/x"
    assert users.abbreviate("/mnt/fl/x") == "/mnt/fl/x"


def test_what_is_already_the_users_path_is_not_swapped_once_more() -> None:
    values = (
        VariableValue("/mnt", ("linux",), frozenset({WORKERS})),
        VariableValue("/mnt/artist", ("linux",), frozenset({USERS})),
    )
    variables = Variables(
        {
            "st": Variable(values, is_twoway=True),
            "scripts": oneway(VariableValue("{st}/scripts")),
            "run": oneway(VariableValue("{scripts}/run.py -x")),
        }
    )
    users = table(variables, "linux", USERS, job_storage="/mnt/jobs")
    assert users.expand("{st}/a") == "/mnt/artist/a"
    assert users.expand("{jobs}/a") == "/mnt/artist/jobs/a"
    assert users.expand("{run}") == "/mnt/artist/scripts/run.py -x"
    assert users.expand("/mnt/a") == "/mnt/artist/a"


def test_two_way_values_may_name_other_variables() -> None:
    nested = Variables(
        {
            "root": twoway(linux="/mnt/fl", windows="F:\\fl\\"),
            "show": oneway(VariableValue("spring")),
            "shots": Variable((VariableValue("{root}/{show}/shots/"),), is_twoway=True),
            "renders": Variable((VariableValue("{jobs}/renders"),), is_twoway=True),
        }
    )
    assert table(nested, "windows").abbreviate("F:/FL/Spring/shots/a") == "{shots}/a"
    windows = table(nested, "windows", job_storage="/mnt/fl/jobs")
    assert windows.expand("{shots}/a") == "F:\\fl\\spring\\shots\\a"
    assert windows.expand("{renders}/a") == "F:\\fl\\jobs\\renders\\a"
    linux = table(nested, "linux", job_storage="/mnt/fl/jobs")
    assert linux.abbreviate("/mnt/fl/jobs/renders/a") == "{renders}/a"


def test_a_two_way_variable_without_a_value_covers_nothing() -> None:
    empty = Variables({"x": twoway(linux=""), "y": twoway(linux="{nothing}/y")})
    linux = table(empty, "linux")
    assert linux.expand("{x}/a") == "{x}/a"
    assert linux.abbreviate("/a") == "/a"
    assert linux.abbreviate("{nothing}/y/a") == "{nothing}/y/a"


def test_stored_paths_are_located_on_each_platform() -> None:
    stored = table(STUDIO, "windows").stored("F:\\fl\\a\\b")
    assert stored == PathWithVariable("st", "/a/b")
    assert table(STUDIO, "darwin").located(stored) == PathOnPlatform("/Volumes/fl/a/b", "darwin")
    uncovered = table(STUDIO, "windows").stored("X:\\a")
    assert uncovered == PathOnPlatform("X:\\a", "windows")
    assert table(STUDIO, "windows").located(uncovered).text == "X:\\a"


def test_clients_are_told_values_and_directions() -> None:
    sent = table(STUDIO, "windows", job_storage="/mnt/fl/jobs").as_sent()
    assert sent["st"] == ManagerVariable(value="F:\\fl", is_twoway=True)
    assert sent["jobs"] == ManagerVariable(value="F:\\fl\\jobs", is_twoway=False)
    assert "ours" not in sent


# What `..` leads out of a folder does not lie in it, and has tests of its own.
ANY_NAMES = st.text(
    st.characters(blacklist_characters='/\\{}"<>|', blacklist_categories=["Cc", "Cs", "Zl", "Zp"]),
    min_size=1,
    max_size=8,
).filter(lambda name: name != "..")
NAMES = ANY_NAMES.filter(lambda name: " -" not in " ".join(name.split()) and name.strip() == name)
"""Names of files and folders without what looks like an option, behind which a path ends."""


def rests(names: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(names, max_size=4).map(lambda parts: "".join(f"/{part}" for part in parts))


RESTS = rests(NAMES)


@given(platform=st.sampled_from(PLATFORMS), variable=st.sampled_from(["st", "unc"]), rest=RESTS)
def test_a_path_comes_back_as_it_went_in(platform: str, variable: str, rest: str) -> None:
    there = table(STUDIO, platform)
    separator = "\\" if platform == "windows" else "/"
    path = there.values[variable] + rest.replace("/", separator)
    stored = there.abbreviate(path)
    assert stored == f"{{{variable}}}{rest}"
    assert there.expand(stored) == path


@given(platform=st.sampled_from(["linux", "windows"]), rest=RESTS.filter(bool))
def test_a_path_on_a_drive_comes_back_as_it_went_in(platform: str, rest: str) -> None:
    there = table(STUDIO, platform)
    path = there.expand(f"{{drive}}{rest}")
    assert path.startswith("D:\\" if platform == "windows" else "/mnt/drive/")
    assert there.abbreviate(path) == f"{{drive}}{rest}"


@given(
    order=st.permutations(sorted(STUDIO.by_name)), text=RESTS, platform=st.sampled_from(PLATFORMS)
)
def test_the_order_of_the_variables_does_not_matter(
    order: list[str], text: str, platform: str
) -> None:
    shuffled = Variables({name: STUDIO.by_name[name] for name in order})
    for name in order:
        one = table(STUDIO, platform, job_storage="/mnt/fl/jobs")
        other = table(shuffled, platform, job_storage="/mnt/fl/jobs")
        path = one.expand(f"{{{name}}}{text}")
        assert other.expand(f"{{{name}}}{text}") == path
        assert other.abbreviate(path) == one.abbreviate(path)


@given(
    sent_from=st.sampled_from(PLATFORMS),
    sent_to=st.sampled_from(PLATFORMS),
    variable=st.sampled_from(["st", "unc"]),
    rest=rests(ANY_NAMES | st.sampled_from(["shot -b", "a --old b", "-", "it's", "a; b, (c)"])),
)
def test_a_path_means_the_same_on_every_platform(
    sent_from: str, sent_to: str, variable: str, rest: str
) -> None:
    source, target = table(STUDIO, sent_from), table(STUDIO, sent_to)
    found = target.expand(source.abbreviate(source.values[variable] + rest))
    assert target.abbreviate(found) == f"{{{variable}}}{rest}"


@given(platform=st.sampled_from(PLATFORMS), text=st.text() | st.builds("F:\\fl{}".format, RESTS))
def test_storing_what_is_stored_changes_nothing(platform: str, text: str) -> None:
    there = table(STUDIO, platform)
    stored = there.abbreviate(text)
    assert there.abbreviate(stored) == stored


@given(platform=st.sampled_from(PLATFORMS), text=st.text(alphabet="{}stjobs/\\ '\"-a:F"))
def test_filling_in_what_is_filled_in_changes_nothing(platform: str, text: str) -> None:
    there = table(STUDIO, platform, job_storage="/mnt/fl/jobs")
    filled = there.expand(text)
    assert there.expand(filled) == filled


@given(platform=st.sampled_from(PLATFORMS), tail=NAMES, rest=RESTS)
def test_nothing_matches_inside_a_component(platform: str, tail: str, rest: str) -> None:
    there = table(STUDIO, platform)
    for variable in ("st", "unc"):
        path = there.values[variable] + tail + rest
        assert there.abbreviate(path) == path


@given(
    folders=st.dictionaries(st.sampled_from("abcdef"), RESTS.filter(bool), min_size=1, max_size=6),
    rest=RESTS,
)
def test_no_other_variable_covers_more_of_a_path(folders: dict[str, str], rest: str) -> None:
    there = table(Variables({name: twoway(linux=each) for name, each in folders.items()}), "linux")
    for folder in folders.values():
        stored = there.stored(folder + rest)
        assert isinstance(stored, PathWithVariable)
        for each in folders.values():
            longer = each.count("/") > folders[stored.variable].count("/")
            assert not (longer and f"{folder}{rest}/".startswith(f"{each}/"))


@given(text=st.text(), platform=st.sampled_from(PLATFORMS))
def test_a_text_without_variables_and_folders_stays_as_it_is(text: str, platform: str) -> None:
    there = table(PICKED, platform)
    assert there.expand(text) == text or "{" in text
    assert there.abbreviate(text) == text


def test_a_path_that_leads_out_of_a_folder_belongs_to_the_folder_around_it() -> None:
    variables = Variables(
        {
            "farm": Variable((VariableValue("/mnt/farm"),), is_twoway=True),
            "shots": Variable((VariableValue("/mnt/farm/shots"),), is_twoway=True),
        }
    )
    table = variables.table(Audience.WORKERS, "linux")
    assert table.abbreviate("/mnt/farm/shots/sc1/../a") == "{shots}/sc1/../a"
    assert table.abbreviate("/mnt/farm/shots/../lib/a") == "{farm}/shots/../lib/a"
