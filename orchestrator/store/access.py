"""Why a plan directory is not taken: loaded only when it is not, for every command looks for one."""

from __future__ import annotations

import os
import shlex

from orchestrator.errors import StoreError, UsageError
from orchestrator.ownership import name_of
from orchestrator.store.gitignore import work_tree


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
    """Return the error for a plan directory of somebody else; *is_here*: it takes the place of one of our own."""
    own = "`orchestrator init` makes one of your own here"
    if is_here:
        own = "`orchestrator init NAME` makes one of your own here, meant with `--dir NAME`"
    return UsageError(
        f"it belongs to {name_of(owner)}, and what it says would be done as {name_of(os.geteuid())}",
        where=root,
        hint=f"`--dir {shlex.quote(root)}` if you mean it; {own}",
    )


def taken_away(root: str) -> StoreError:
    """Return the error for a plan directory that is not there any more, or not the same, while a run is at work."""
    is_back = os.path.isdir(root)
    text = "taken away while the run was at work" + (", and put back" if is_back else "")
    hint = "bring it back"
    if work_tree(os.path.dirname(root)) is not None:
        hint = "git may have it: `git stash list` shows what it put away, and `git stash pop` brings it back"
    if is_back:
        hint = "git may have done that (`git stash`)"
    again = "then run again: what is completed stays"
    return StoreError(f"the plan directory was {text}", where=root, hint=f"{hint}; {again}")
