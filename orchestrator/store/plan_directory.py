"""Finds the plan directory that a user means; what is closed, leads nowhere or is a stranger's is not passed over."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from orchestrator.errors import NotFoundError, StoreError, UsageError
from orchestrator.lazy import LazyModule
from orchestrator.ownership import is_trusted, make_directories, name_of
from orchestrator.store.atomic import io_errors
from orchestrator.store.gitignore import protect_from_git, work_tree
from orchestrator.store.layout import MADE_ID, PLAN_DIRECTORY, Layout, current_directory

if TYPE_CHECKING:
    import difflib
    import shlex

    from orchestrator.core import plan
else:
    difflib = LazyModule("difflib")
    plan = LazyModule("orchestrator.core.plan")
    shlex = LazyModule("shlex")


def find_plan_directory(
    named: str | None, environment: Mapping[str, str], current: str, *, must_exist: bool = True, here: bool = False
) -> Layout:
    """Return the plan directory meant: the one named, ``ORCHESTRATOR_DIR``, or the nearest ``.orchestrator`` upward.

    A name that is no directory may be the id of a plan in the directory that would be found without it. One of another
    user must be named: what a plan says is executed, and where others may write anybody could leave one. *here*: what
    is to be made belongs where one stands; neither the environment nor anything above is asked.

    Raises:
        NotFoundError: there is none.
        StoreError: it is unknown whether there is one: it cannot be read, or a link leads nowhere just now.
        UsageError: the nearest one is another user's.
    """
    named = _inside(named, current, environment, here=here)
    if named and not os.path.isdir(os.path.join(current, named)):
        if must_exist:
            return find_plan(named, environment, current)
        if MADE_ID.fullmatch(named):
            # What is to be made has another name, as long as there is such a plan.
            with suppress(NotFoundError, StoreError, UsageError):
                return find_plan(named, environment, current)
    said = "" if here else environment.get("ORCHESTRATOR_DIR")
    named = named or _inside(said, current, environment, here=here)
    if named:
        root = os.path.abspath(os.path.join(current, named))
        _refuse_hidden(root, is_named=True)
        if os.path.isdir(root) or not (must_exist or os.path.lexists(root)):
            return Layout(root)
        raise _no_such_directory(named, current)
    if (nearest := _nearest(current, environment, here=here)) is not None:
        return nearest
    if not must_exist:
        return Layout(os.path.join(os.path.abspath(current), PLAN_DIRECTORY))
    raise NotFoundError(
        f"no {PLAN_DIRECTORY} directory here or above", hint="`orchestrator init` makes one; or name a plan directory"
    )


def find_from_here(named: str | None, *, must_exist: bool) -> Layout:
    """Return the plan directory meant; for an absolute path the current directory is not needed.

    Raises:
        NotFoundError, UsageError: as ``find_plan_directory``; UsageError also where no path could be called so.
        OutputError: the current directory is gone.
    """
    try:
        with suppress(OSError):
            os.lstat(named or "/")
    except ValueError:  # a NUL, half of a character
        raise UsageError(f"{named!r} is not a path") from None
    is_absolute = os.path.isabs(named or os.environ.get("ORCHESTRATOR_DIR", ""))
    current = "/" if is_absolute else current_directory()
    return find_plan_directory(named, os.environ, current, must_exist=must_exist)


def _nearest(current: str, environment: Mapping[str, str], *, here: bool) -> Layout | None:
    above = stands_in = os.path.abspath(current)
    while True:
        nearest = os.path.join(above, PLAN_DIRECTORY)
        if os.path.isdir(nearest):
            _refuse_strangers(nearest, environment, is_here=above == stands_in)
            return Layout(nearest)
        _refuse_hidden(nearest)
        if here or above == (above := os.path.dirname(above)):
            return None


def _inside(named: str | None, current: str, environment: Mapping[str, str], *, here: bool) -> str | None:
    """Return the plan directory of a project, or of a plan file, where one of these was named instead."""
    if not named or here:
        return named
    path = os.path.join(current, named)
    above = os.path.dirname(path)
    if path == Layout(above).plan and os.path.isfile(path):
        return above
    below = os.path.join(path, PLAN_DIRECTORY)
    has_plan = os.path.lexists(Layout(path).plan)
    if has_plan or not os.path.isdir(below):
        return named
    _refuse_strangers(below, environment, is_here=False)  # it was found, and not named
    return os.path.join(named, PLAN_DIRECTORY)


def make_plan_directory(layout: Layout) -> None:
    """Make a plan directory where there is none; git is to leave alone what will lie there.

    Raises:
        StoreError: it cannot be made.
    """
    with io_errors("make", layout.root):
        make_directories(layout.root, is_plan=True)
    protect_from_git(layout)


def _refuse_hidden(path: str, *, is_named: bool = False) -> None:
    """Do nothing where a path can be seen, or is not there; what is closed may be there where a user names it.

    Raises:
        StoreError: it is there, and cannot be looked into: to go on would be with another plan.
    """
    try:
        os.stat(path)
    except OSError as error:
        absent = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}
        if not is_named:
            absent |= {errno.EACCES, errno.EPERM}
        if os.path.islink(path) or error.errno not in absent:
            raise hidden(path, error) from error


def _refuse_strangers(root: str, environment: Mapping[str, str], *, is_here: bool) -> None:
    """Do nothing where a plan directory is that of the caller, of root, or of the user who called `sudo`.

    Of a link it counts who made it: where it leads is what that person meant.

    Raises:
        UsageError: it is another user's.
    """
    owner = os.lstat(root).st_uid
    if not is_trusted(owner, environment):
        raise strangers(root, owner, is_here=is_here)


def find_plan(plan_id: str, environment: Mapping[str, str], current: str, root: str | None = None) -> Layout:
    """Return the plan with this id below *root*, else below the directory that would be found without a name.

    An agent that works on ``TASK-001`` finds that directory, so its neighbours are looked at, too. An id is one name
    and no path, so nothing outside can be meant.

    Raises:
        NotFoundError: there is none.
        StoreError, UsageError: as ``find_plan_directory`` does.
    """
    if not plan.TASK_ID.fullmatch(plan_id):
        if root:
            hint = "a plan in there is named by its id; if it lies elsewhere, name it without --dir"
            raise NotFoundError(f"no plan {plan_id} in {root}", hint=hint)
        raise _no_such_directory(plan_id, current)
    try:
        found = find_plan_directory(root, environment, current).root
    except NotFoundError:
        if root:
            raise
    else:
        above, name = os.path.split(found)
        for place in (found, above) if name != PLAN_DIRECTORY else (found,):
            layout = Layout(os.path.join(place, plan_id))
            if _may_hold_plan(layout):
                return layout
    if MADE_ID.fullmatch(plan_id):
        raise NotFoundError(
            f"Task {plan_id} not found",
            hint="`orchestrator status --all` lists those there are; an archived one is in archive/",
        )
    raise _no_such_directory(os.path.join(root or "", plan_id), current)


def _may_hold_plan(layout: Layout) -> bool:
    """Say whether there is a plan. True as well where that cannot be seen: reading the plan then reports the reason."""
    try:
        return stat.S_ISREG(os.stat(layout.plan).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _near(named: str, current: str) -> str:
    """Return the plan directory, or plan, beside a name that is none, which was probably meant; or empty."""
    above, name = os.path.split(named.rstrip(os.sep))
    try:
        names = os.listdir(os.path.join(current, above))
    except OSError:
        return ""
    for close in difflib.get_close_matches(name, names, n=3, cutoff=0.75):
        path = os.path.join(current, above, close)
        plans = (Layout(path).plan, Layout(os.path.join(path, PLAN_DIRECTORY)).plan)
        if any(map(os.path.isfile, plans)) or path == Layout(os.path.dirname(path)).plan:
            return os.path.join(above, close)
    return ""


def _no_such_directory(named: str, current: str) -> NotFoundError:
    _refuse_hidden(os.path.join(current, named), is_named=True)
    is_plan_file = named.endswith(".md")
    hint = f"`orchestrator init {shlex.quote(os.path.dirname(named) if is_plan_file else named)}` makes one"
    if near := _near(named, current):
        hint = f"did you mean {shlex.quote(near)}?"
    if os.path.lexists(os.path.join(current, named)):
        hint = "something else is there; name the directory that holds master_plan.md"
    return NotFoundError(f"no such plan directory: {named}", hint=hint)


# ── access ────────
#
# Why a plan directory is not taken: loaded only when it is not, for every command looks for one.


def hidden(path: str, error: OSError) -> StoreError:
    """Return the error for what cannot be seen: a link that leads nowhere, or what is closed to us."""
    text, hint = error.strerror or str(error), "bring its disk or share back"
    is_link = os.path.islink(path)
    if isinstance(error, PermissionError):
        place = os.path.realpath(path)
        while not os.path.exists(place):
            place = os.path.dirname(place)
        text = f"cannot look into {place}: {text}"
        owner = os.stat(place).st_uid
        hint = f"it belongs to {name_of(owner)}, who may open it to you"
        if owner == os.geteuid():
            hint = f"`chmod u+x {shlex.quote(place)}` opens it"
    elif is_link:
        hint = "bring back what it leads to, or take the link away"
    if is_link:
        text = f"a link that leads to {os.readlink(path)}: {text}"
    return StoreError(text, where=path, hint=f"{hint}; or name another plan directory")


def strangers(root: str, owner: int, *, is_here: bool) -> UsageError:
    """Return the error for a plan directory of another user; *is_here*: it takes the place of one of our own."""
    own = "`orchestrator init` makes one of your own here"
    if is_here:
        own = "`orchestrator init NAME` makes one of your own here, meant with `--dir NAME`"
    return UsageError(
        f"it belongs to {name_of(owner)}, and what it says would be done as {name_of(os.geteuid())}",
        where=root,
        hint=f"`--dir {shlex.quote(root)}` if you mean it; {own}",
    )


def taken_away(root: str) -> StoreError:
    """Return the error for a plan directory that is not there any more, or not the same, while a run is active."""
    is_back = os.path.isdir(root)
    text = "taken away while the run was at work" + (", and put back" if is_back else "")
    hint = "bring it back"
    if work_tree(os.path.dirname(root)) is not None:
        hint = "git may have it: `git stash list` shows what it put away, and `git stash pop` brings it back"
    if is_back:
        hint = "git may have done that (`git stash`)"
    again = "then run again: what is completed stays"
    return StoreError(f"the plan directory was {text}", where=root, hint=f"{hint}; {again}")
