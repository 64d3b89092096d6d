"""The house rules that no tool knows; each test is one of them, and its message is the list of offenders."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from orchestrator.commands.registry import COMMANDS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "orchestrator"

BUCKETS = {"utils", "util", "helpers", "helper", "common", "misc", "models", "types", "base", "manager", "managers"}
BUCKET_CLASS = re.compile(r"(Utils?|Helpers?|Manager|Misc)$")
MAX_LINES = 550
MAX_COLUMNS = 120

# Kept byte for byte: state of old versions, recorded output of other tools.
DATA = "tests/data/"
# Not walked when git cannot be asked.
BUILT = {"__pycache__", "build", "dist", "htmlcov"}


# ── what is looked at ─────────────────────────────────────────────────────────────────────────────────────────────


def listed() -> list[Path]:
    """Every file that git knows or would add; without git, every file that is neither hidden nor built."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists():
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        return [ROOT / name for name in answer.stdout.decode().split("\0") if name]
    inside = ((path, path.relative_to(ROOT).parts) for path in ROOT.rglob("*"))
    return [
        path
        for path, parts in inside
        if not BUILT.intersection(parts) and (parts[0] == ".ci" or not any(p.startswith(".") for p in parts))
    ]


@cache
def texts() -> dict[str, str]:
    """The text of every file of ours, by its path from the root."""
    found = {}
    for path in sorted(listed()):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(DATA) or path.is_symlink() or not path.is_file():
            continue
        raw = path.read_bytes()
        if b"\0" not in raw:
            found[name] = raw.decode("utf-8")
    return found


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax tree of every Python file of ours, by its path from the root."""
    return {name: ast.parse(text, name) for name, text in texts().items() if name.endswith(".py")}


@pytest.fixture(autouse=True, scope="module")
def forgets() -> Iterator[None]:
    """Nothing that is looked at stays: a million objects, which every full collection would look through again."""
    yield
    texts.cache_clear()
    modules.cache_clear()


def inside(room: str) -> dict[str, ast.Module]:
    return {name: tree for name, tree in modules().items() if name.startswith(room)}


def dotted(node: ast.expr) -> str:
    """``a.b.c`` for the expression that reads so, else an empty string."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{dotted(value)}.{attr}"
        case _:
            return ""


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def used(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a module imports or reaches through a dot."""
    yield from imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.lineno, dotted(node)


# ── names and sizes ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_module_can_be_read_in_one_sitting() -> None:
    """A file that nobody can read in one sitting is two files."""
    long = {name: n for name in modules() if (n := len(texts()[name].splitlines())) > MAX_LINES}
    assert {} == long


def test_no_module_is_a_bucket() -> None:
    """A module earns its file by a name that a newcomer would guess."""
    found = [name for name in modules() if BUCKETS & {p.strip("_") for p in Path(name).with_suffix("").parts}]
    assert [] == found


def test_no_class_is_a_bucket() -> None:
    """What is named after managing or helping has no job of its own."""
    classes = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and BUCKET_CLASS.search(node.name)
    ]
    assert [] == classes


def test_who_looks_for_a_command_finds_it_by_the_name_of_its_module() -> None:
    """``critical-path`` is ``commands/critical_path.py``."""
    lost = []
    for command in COMMANDS:
        name = f"commands/{command}"
        path = PACKAGE / f"{name.replace('-', '_')}.py"
        first = path.read_text().partition("\n")[0] if path.is_file() else ""
        lost += [] if f"``{command}``" in first else [f"{command}: {name}"]
    assert [] == lost


def test_every_command_has_a_file_of_tests() -> None:
    modules_of = [each.replace("-", "_") for each in COMMANDS]
    assert [] == [each for each in modules_of if not (ROOT / f"tests/commands/test_{each}.py").is_file()]


def test_every_exported_name_exists() -> None:
    """``__all__`` is a promise; a name in it that the module does not have is a lie that only users meet."""
    broken = []
    for name, tree in inside("orchestrator/").items():
        bound = {full.rpartition(".")[2] for _, full in imported(tree)}
        bound |= {node.asname for node in ast.walk(tree) if isinstance(node, ast.alias) and node.asname}
        bound |= {n.name for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)}
        bound |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for node in tree.body:
            if isinstance(node, ast.Assign) and any(dotted(target) == "__all__" for target in node.targets):
                broken += [f"{name}: {word}" for word in ast.literal_eval(node.value) if word not in bound]
    assert [] == broken


# ── what must not be written ──────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_mocked() -> None:
    """A mock agrees with whoever wrote it; a fake has to pass the conformance suite."""
    found = [
        f"{name}:{line}"
        for name, tree in modules().items()
        for line, what in used(tree)
        if what.startswith(("unittest.mock", "mock.")) or what == "mock"
    ]
    assert [] == found


def test_nothing_sleeps() -> None:
    """The engine says when to wake; a test waits for what it wants to see. Stand-ins of slow programs may sleep.

    Where there is only another process to look at, one module pauses.
    """
    waiting = {"time.sleep", "anyio.sleep", "trio.sleep", "asyncio.sleep"}
    test_modules = {
        name: tree for name, tree in inside("tests/").items() if Path(name).name.startswith(("test_", "conftest"))
    }
    in_package = [
        f"{name}:{line} {what}"
        for name, tree in inside("orchestrator/").items()
        for line, what in used(tree)
        if what == "time.sleep" and name != "orchestrator/store/watcher.py"
    ]
    in_tests = [
        f"{name}:{line} {what}" for name, tree in test_modules.items() for line, what in used(tree) if what in waiting
    ]
    assert [] == in_package + in_tests


def test_no_event_is_there_to_sleep() -> None:
    """To wait for one that nobody sets is to sleep in disguise."""
    called = {
        name: {dotted(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for name, tree in inside("orchestrator/").items()
    }
    assert [] == [
        name
        for name, calls in called.items()
        if "threading.Event" in calls and not any(each.endswith(".set") for each in calls)
    ]


def swallows(node: ast.AST) -> bool:
    """Whether this catches every exception and says nothing."""
    everything = {"Exception", "BaseException"}
    match node:
        case ast.ExceptHandler(type=caught, body=body):
            silent = all(
                isinstance(line, ast.Pass | ast.Continue)
                or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
                for line in body
            )
            kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
            return silent and any(kind is None or dotted(kind) in everything for kind in kinds)
        case ast.Call(func=func, args=args) if dotted(func).endswith("suppress"):
            return any(dotted(arg) in everything for arg in args)
        case _:
            return False


def test_no_error_is_swallowed() -> None:
    """Whoever catches everything and says nothing hides the next bug."""
    found = [
        f"{name}:{getattr(node, 'lineno', 0)}"
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if swallows(node)
    ]
    assert [] == found


def test_the_core_asks_nobody() -> None:
    """What import-linter cannot see: the core opens no file, reads no clock, awaits nothing."""
    built_in = {"open", "input", "print", "eval", "exec", "__import__"}
    clocks = (".now", ".utcnow", ".today")
    found = []
    for name, tree in inside("orchestrator/core/").items():
        for node in ast.walk(tree):
            if isinstance(node, ast.AsyncFunctionDef):
                found.append(f"{name}:{node.lineno} async def {node.name}")
            elif isinstance(node, ast.Call):
                called = dotted(node.func)
                if called in built_in or (called.startswith(("datetime.", "date.")) and called.endswith(clocks)):
                    found.append(f"{name}:{node.lineno} {called}()")
    assert [] == found


def test_only_the_scheduler_assigns_a_status() -> None:
    """A status changes by a transition; the table is in the core, and the scheduler takes them."""
    found = [
        f"{name}:{node.lineno}"
        for name, tree in inside("orchestrator/").items()
        if not name.startswith(("orchestrator/core/", "orchestrator/scheduler/"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "status" and isinstance(node.ctx, ast.Store)
        if dotted(node) != "self.status"
    ]
    assert [] == found


def test_no_place_of_one_machine_is_named() -> None:
    """Nothing here depends on where it was written or on where packages are fetched from."""
    # Written with a gap, so that this file does not find itself.
    gapped = ["/work^/", "/root^/", "../^shared", "pypi^.org", "python^hosted.org", "registry^.npmjs"]
    places = "|".join(re.escape(place.replace("^", "")) for place in gapped)
    pattern = re.compile(rf"(?<![\w~])(?:{places})")
    found = [
        f"{name}:{number} {line.strip()[:80]}"
        for name, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert [] == found


# ── what is read ──────────────────────────────────────────────────────────────────────────────────────────────────


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a markdown file that a person wrapped: no tables, no fences, no front matter, no addresses."""
    lines = text.splitlines()
    start = lines.index("---", 1) + 1 if lines[:1] == ["---"] and "---" in lines[1:] else 0
    fence = ""
    for number, line in enumerate(lines[start:], start + 1):
        bare = line.lstrip(" >-*")
        if opened := re.match(r"`{3,}|~{3,}", bare):
            mark = opened.group()
            fence = "" if fence and mark.startswith(fence) else fence or mark
        elif not fence and not bare.startswith("|") and "://" not in line and "](" not in line:
            yield number, line


def test_the_package_cites_no_document_that_is_not_here() -> None:
    """Rows of the mission checklist are cited by tests only: a reader of the package cannot follow them."""
    cited = [
        f"{name}: {found.group()}"
        for name in modules()
        if name.startswith("orchestrator/")
        for found in re.finditer(r"\bS\d-\d{2}|\bseed rows?\b|\bpromises? \d|\bdesign, section", texts()[name])
    ]
    assert [] == cited


def test_lines_wrap() -> None:
    """Text is wrapped at about 120 columns, so that a diff shows what changed."""
    long = []
    for name, text in texts().items():
        if name.endswith(".py"):
            lines: Iterator[tuple[int, str]] = enumerate(text.splitlines(), 1)
        elif name.endswith(".md") and not name.startswith(("examples/", "tests/")):
            lines = prose(text)
        else:
            continue
        long += [f"{name}:{number} ({len(line)})" for number, line in lines if len(line) > MAX_COLUMNS]
    assert [] == long


def test_lazy_imports_keep_to_the_floors() -> None:
    """The import contracts do not see them: no room imports one above it, and markdown and YAML are read by `plan/`."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = contract["tool"]["importlinter"]["contracts"][0]["layers"]
    floor = {room.strip(): -at for at, each in enumerate(layers) for room in each.split("|")}
    wrong = []
    for name, text in texts().items():
        room = name.removeprefix("orchestrator/").partition("/")[0].removesuffix(".py")
        if not name.startswith("orchestrator/") or name == "orchestrator/lazy.py":
            continue
        for module in re.findall(r'LazyModule\("([\w.]+)"\)', text):
            first, _, rest = module.partition(".")
            if first == "orchestrator":
                wrong += [f"{name}: {module}"] * (floor[rest.partition(".")[0]] > floor[room])
            elif first in {"markdown_it", "yaml", "frontmatter"}:
                is_shown = name == "orchestrator/views/pages.py"  # nothing reads that again
                wrong += [f"{name}: {module}"] * (room != "plan" and not is_shown)
    assert [] == wrong


#: Words of an earlier private language → the word that replaces it. No module, class or function has one in its name.
SYNONYMS = {
    "beside": "auxiliary",
    "charter": "plan header",
    "happening": "event",
    "herald": "notification sender",
    "intervention": "task command",
    "launchpad": "launcher",
    "moment": "timestamp",
    "nobody": "no user",
    "plugs": "plugins",
    "prospect": "run preview",
    "purse": "budget",
    "roster": "agents, agent registry",
    "somebody": "user, caller",
    "told": "reported",
    "umbrella": "group",
    "wanted": "command, request",
    "whoever": "caller, worker",
    "wish": "command",
}
#: How often these words may still stand in the package and in the documents; the number only falls.
PROSE = {"somebody": 30, "nobody": 45, "whoever": 15, "told": 190, "wanted": 15, "at work": 60}


def test_names_are_words_of_the_glossary() -> None:
    """One word per concept, the one that the field uses."""
    wrong = []
    for name, tree in inside("orchestrator/").items():
        stem = Path(name).stem
        named = [stem] + [
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        for each in named:
            words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", each).lower().strip("_").split("_")
            wrong += [f"{name}: {each} ({word}: {SYNONYMS[word]})" for word in words if word in SYNONYMS]
    assert [] == wrong


def test_prose_loses_the_old_words() -> None:
    prose = "\n".join(
        text
        for name, text in texts().items()
        if (name.startswith("orchestrator/") and name.endswith(".py"))
        or (
            (name.endswith(".md") and name.split("/")[0] not in {"CHANGELOG.md", "tests", "examples"})
            and not name.startswith("docs/decisions/")
        )
    ).lower()
    found = {word: len(re.findall(rf"\b{word}\b", prose)) for word in PROSE}
    assert {} == {word: count for word, count in found.items() if count > PROSE[word]}
