#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "anyio>=4.11",
#   "click>=8.1",
#   "jinja2>=3.1",
#   "jsonschema>=4.20",
#   "jsonschema-specifications>=2023.7",
#   "markdown-it-py>=3.0",
#   "networkx>=3.2",
#   "python-frontmatter>=1.1",
#   "pyyaml>=6.0",
#   "referencing>=0.30",
#   "simpleeval>=1.0",
#   "urllib3>=2.2",
#   "watchfiles>=1.0",
# ]
# ///
"""The command ``orchestrator`` from the folder this file lies in; nothing has to be installed for it.

``python3 scripts/orchestrate.py ...`` takes a Python that has the packages above, or the ``.venv`` beside ``SKILL.md``,
or ``~/.local/share/orchestrator/venv``, for whoever may not write beside ``SKILL.md``;
``uv run scripts/orchestrate.py ...`` fetches them. It never looks for modules in the current directory. An old Python
has to be able to read this file, to be told that it is too old.
"""

import os
import re
import shlex
import sys
from importlib.util import find_spec

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(HERE)
SHARED = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
#: Where an environment is looked for: beside the skill, then in the home of whoever calls.
ENVIRONMENTS = [os.path.join(ROOT, ".venv"), os.path.join(SHARED, "orchestrator", "venv")]
OLDEST = (3, 11)
#: Modules that are not called like the package they come in.
MODULES = {
    "jsonschema-specifications": "jsonschema_specifications",
    "markdown-it-py": "markdown_it",
    "python-frontmatter": "frontmatter",
    "pyyaml": "yaml",
}


def main() -> None:
    """Run the command line here, or with the Python of an environment that was made for it, or say what is missing."""
    wrong, fixes = trouble()
    if wrong:
        for environment in ENVIRONMENTS[is_inside() :]:
            python = os.path.join(environment, "bin", "python")
            if os.path.isabs(python) and os.access(python, os.X_OK):
                os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])
        sys.stderr.write("error: {}\n  hint: {}\n    or: {}\n".format(wrong, *fixes))
        sys.exit(2)
    # In the place of scripts/: the package beside us comes before any other version that may be installed.
    sys.path[:] = [ROOT, *(each for each in sys.path if os.path.realpath(each) != HERE)]
    os.environ["ORCHESTRATOR_PROGRAM"] = program()

    from orchestrator.__main__ import main as orchestrate

    orchestrate()


def trouble() -> "tuple[str, list[str]]":
    """Return what keeps us from starting, and two commands, each of which mends it; nothing when there is nothing."""
    command = requirements()
    place = ENVIRONMENTS[0] if os.access(ROOT, os.W_OK) else ENVIRONMENTS[1]
    venv, pip = shlex.quote(place), shlex.quote(os.path.join(place, "bin", "pip"))
    install = "{} install -q {}".format(pip, " ".join(map(shlex.quote, command)))
    uv = "uv run {}".format(shlex.quote(os.path.abspath(__file__)))
    if sys.version_info < OLDEST:
        wrong = "Python 3.11 or newer is needed, and {} is {}.{}.{}".format(sys.executable, *sys.version_info[:3])
        return wrong, ["python3.11 -m venv {} && {}".format(venv, install), uv]
    names = (re.split("[<>=]", each)[0] for each in command)
    missing = [name for name in names if find_spec(MODULES.get(name, name)) is None]
    if missing:
        wrong = "missing Python packages: {}".format(", ".join(missing))
        return wrong, ["python3 -m venv {} && {}".format(venv, install), uv]
    return "", []


def requirements() -> "list[str]":
    """Return what the block at the top of this file asks for."""
    with open(__file__, encoding="utf-8") as file:
        head = file.read().partition("# ///\n")[0]
    return re.findall(r'^#   "(.+)",$', head, re.MULTILINE)


def is_inside() -> int:
    """Say whether this is the Python of one of the environments: of the first, 1; of the second, 2; of none, 0."""
    places = [os.path.realpath(each) for each in ENVIRONMENTS]
    prefix = os.path.realpath(sys.prefix)
    return places.index(prefix) + 1 if prefix in places else 0


def program() -> str:
    """Return the words that call us once more; ``SKILL.md`` allows them in this very form."""
    # Not resolved: whoever came here through a link shall go the same way again.
    script = os.path.abspath(sys.argv[0])
    if "UV_RUN_RECURSION_DEPTH" in os.environ:
        return shlex.join(["uv", "run", script])
    python = sys.orig_argv[0]
    if is_inside() or (os.path.dirname(python) and is_python3()):
        python = "python3"
    return shlex.join([python, script])


def is_python3() -> bool:
    """Say whether this Python is the one that ``python3`` means; a script of that name may well have started it."""
    import shutil

    found = shutil.which("python3")
    if found is None:
        return False
    if os.path.dirname(found) == os.path.dirname(sys.executable):
        return True
    with open(found, "rb") as file:
        return file.read(2) == b"#!"


if __name__ == "__main__":
    main()
