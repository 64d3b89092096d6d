"""Keeps what the orchestrator writes out of the hands of git: an agent may type any git command in its work tree.

``git add -A``, ``stash -u`` and ``clean -fd`` leave alone what is ignored, so a plan directory in a work tree gets a
``.gitignore`` of its own. What is tracked stays tracked, whatever stands there.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress

from orchestrator.errors import StoreError
from orchestrator.store.atomic import atomic_write, read_file
from orchestrator.store.layout import MADE_ID, PEOPLES, STATE, Layout

#: The line by which ours are known. While it stands there nothing is written.
MARK = "# orchestrator:gitignore"
_HEAD = f"""\
{MARK}
# So that no `git stash -u`, `git clean -fd` or `git add -A` of an agent takes away, or commits, what is kept here.
# Change these lines as you like: while the first one stands here they are not written again. What is tracked stays
# tracked, so this commits the plan, or results: git add -f master_plan.md agent_tasks
"""
#: The two bytes before the path of an entry of the index; within a path there are no such.
_FLAGS = rb"(?<=[\x00-\x0f\x20\x40\x60\x80-\x8f].)"


def protect_from_git(layout: Layout) -> None:
    """Have git ignore what the orchestrator writes into a plan directory, where that lies in a work tree.

    Everything where the plan is not tracked and nothing else is there; otherwise only what is ours, but for a plan
    that is tracked. Lines of a person stay, and count more than ours. Where it cannot be written all else works.
    """
    path = layout.gitignore
    if os.path.islink(path):
        return  # a user made it on purpose
    with suppress(StoreError, OSError):
        own = read_file(path) or b""
        if MARK.encode() in own:
            return
        root = os.path.realpath(layout.root)
        if (top := work_tree(root)) is None:
            return
        atomic_write(path, (_HEAD + _lines(root, top)).encode() + own, is_durable=True)


def _lines(root: str, top: str) -> str:
    is_tracked = _is_tracked(f"{root}/master_plan.md", top)
    others = [name for name in os.listdir(root) if not _is_ours(name)]
    if not (is_tracked or others):
        return "*\n"
    names = STATE if is_tracked else (*STATE, *PEOPLES)
    # Where other files lie, too, it is not only ours, and people will want to commit it.
    return "".join(f"/{name}\n" for name in names) + "/.gitignore\n" * (not others)


def _is_ours(name: str) -> bool:
    known = {each.rstrip("/") for each in (*STATE, *PEOPLES)}
    return name in known or name.endswith(".lock") or name[0] == "." or bool(MADE_ID.match(name))


def work_tree(root: str) -> str | None:
    """Return the top of the work tree of git that a directory lies in."""
    while not os.path.lexists(f"{root}/.git"):
        if root == (root := os.path.dirname(root)):
            return None
    return root


def _is_tracked(path: str, top: str) -> bool:
    """Say whether git has a file in its index.

    Looked for in the index itself: git may not be installed, and a repository can have it run programs. An index that
    is compressed (version 4) may hide it: then more is ignored, which takes nothing from what is tracked.
    """
    directory = f"{top}/.git"
    if os.path.isfile(directory):  # a linked work tree, or a submodule
        named = (read_file(directory) or b"").decode(errors="surrogateescape")
        directory = os.path.join(top, named.removeprefix("gitdir:").strip())
    index = read_file(f"{directory}/index") or b""
    entry = _FLAGS + re.escape(os.fsencode(os.path.relpath(path, top))) + rb"\0"
    return re.search(entry, index, re.DOTALL) is not None
