"""What tasks must not do at the same time: pools of a fixed size, locks, and files that more than one would write.

Each of them is a limit with a name and a size. A task takes all of its limits or none, so no two tasks can wait for
each other (``scheduler/ready_queue.py``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from orchestrator.core.text import one_line

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,63}")
_KEYS = ("size", "types", "shared")
#: A word among the globs of a task: what it changes beside them fails it.
STRICT = "strict"
#: How the name of a limit begins that is about memory, and how many tasks it lets through: the machine decides.
MEMORY, _UNCOUNTED = "memory", 1_000_000
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,3})?) ?(?:([kmgt])i?)?b?", re.IGNORECASE)
_LEAST_MEMORY, _MOST_MEMORY = 1024**2, 64 * 1024**4
_WILD = re.compile(r"[*?\[]")
#: Slots of a shared pool at most: each is a file that a run keeps open.
_MOST_SHARED = 64
#: Globs of one task, and characters of each: what people write has some.
_MOST_GLOBS, _LONGEST_GLOB = 200, 300


class Limits(NamedTuple):
    """Which limits each task counts against, and how many tasks each lets through at the same time."""

    of_task: Mapping[str, tuple[str, ...]]
    sizes: Mapping[str, int]


class Claim(NamedTuple):
    """What a task asks for."""

    type: str = ""
    pools: Sequence[str] = ()
    concurrency: str = ""
    writes: Sequence[str] = ()
    memory: int = 0
    batch: str = ""
    """The batch that it is an item of, where that has a size."""
    batch_size: int = 0


def read_pools(value: Any) -> dict[str, dict[str, Any]]:
    """Read the pools of a plan: a size for each name, or a mapping with ``size``, ``types`` and ``shared``.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, Mapping):
        raise ValueError("pools are names with sizes: {cpu: 2, gpu: 1}")
    pools = {}
    for name, given in value.items():
        pool = dict(given) if isinstance(given, Mapping) else {"size": given}
        if unknown := [key for key in pool if key not in _KEYS]:
            raise ValueError(f"{_name(name)}: {one_line(str(unknown[0]), 40)!r} is none of {', '.join(_KEYS)}")
        size = pool.get("size", 1)
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 1000:
            raise ValueError(f"{_name(name)}: {size!r} is not a size between 1 and 1000")
        read = {"size": size, "types": [word.casefold() for word in read_names(pool.get("types", ()))]}
        is_shared = pool.get("shared", False)
        if not isinstance(is_shared, bool):
            raise ValueError(f"{_name(name)}: shared is true or false, not {one_line(str(is_shared), 40)!r}")
        if is_shared and size > _MOST_SHARED:
            raise ValueError(f"{_name(name)}: a shared pool has {_MOST_SHARED} slots at most, not {size}")
        pools[_name(name)] = {**read, "shared": True} if is_shared else read
    return pools


def read_names(value: Any) -> tuple[str, ...]:
    """Read a list of names, or one text with commas between them; raises ``ValueError``."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, (list, tuple)):
        raise ValueError(f"{value!r} is not a list of names")
    return tuple(dict.fromkeys(_name(word.strip() if isinstance(word, str) else word) for word in words))


def read_lock(value: Any) -> str:
    """Read the word of ``concurrency``; raises ``ValueError``."""
    if isinstance(value, (int, float)) or (isinstance(value, str) and value.strip().isdecimal()):
        raise ValueError(f"{value} is no name; how many agents run at the same time is max_parallel")
    word = value.strip() if isinstance(value, str) else value
    return word if word == "" else _name(word)


def read_globs(value: Any) -> tuple[str, ...]:
    """Read a list of globs, or one text with commas between them; they count from the work directory.

    The word ``strict`` among them is none of them, and comes first; a file of that name is ``./strict``.

    Raises:
        ValueError: it is something else, or one leads out of the work directory.
    """
    words = re.split(r"[,;]|(?<=\S)\s+(?=\S)", value) if isinstance(value, str) else value
    if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{value!r} is not a list of globs")
    is_strict = any(word.strip() == STRICT for word in words)
    globs = tuple(dict.fromkeys(_glob(word) for word in words if word.strip() not in ("", STRICT)))
    if len(globs) > _MOST_GLOBS:
        raise ValueError(f"{len(globs)} globs are more than {_MOST_GLOBS}")
    return (STRICT, *globs) if is_strict else globs


def _name(word: Any) -> str:
    if not isinstance(word, str) or not _NAME.fullmatch(word):
        raise ValueError(f"{one_line(str(word), 40)!r} is not a name")
    return word


def read_inside(text: str) -> str:
    """Read a path or glob that counts from the work directory and stays in it; raises ``ValueError``."""
    glob = text.strip().strip("`").removeprefix("./")
    if glob.startswith("/") or ".." in glob.split("/") or len(glob) > _LONGEST_GLOB or not glob:
        raise ValueError(f"{one_line(text, 60)!r} is not a path inside of the work directory")
    return glob


def _glob(text: str) -> str:
    glob = read_inside(text)
    _pattern(glob)
    if glob == STRICT:
        return f"[{glob[0]}]{glob[1:]}"  # the same file in a glob that is not the word
    return f"{glob}**" if glob.endswith("/") else glob


def limits(claims: Mapping[str, Claim], pools: Mapping[str, Mapping[str, Any]]) -> Limits:
    """Return the limits of a plan whose tasks claim this.

    A glob becomes a limit only where more than one task could meet there: of a thousand tasks that write a file each,
    none waits for another.
    """
    sizes = {f"pool {name}": int(pool["size"]) for name, pool in pools.items()}
    of_type: dict[str, list[str]] = {}
    for name, pool in pools.items():
        for kind in pool["types"]:
            of_type.setdefault(kind, []).append(name)
    users: dict[str, int] = {}
    for claim in claims.values():
        for glob in globs_of(claim.writes):
            users[glob] = users.get(glob, 0) + 1
    meets = _meets(users)
    of_task = {}
    for task, claim in claims.items():
        names = [f"pool {name}" for name in (*claim.pools, *of_type.get(claim.type.casefold(), ()))]
        names += [f"{MEMORY} {claim.memory}"] if claim.memory else []
        names += [f"concurrency {claim.concurrency}"] if claim.concurrency else []
        for glob in globs_of(claim.writes):
            names += [f"writes {glob}"] if users[glob] > 1 else []
            names += meets.get(glob, ())
        of_task[task] = tuple(dict.fromkeys(names))
        of_memory = {name: _UNCOUNTED for name in of_task[task] if name.startswith(f"{MEMORY} ")}
        sizes |= dict.fromkeys((name for name in of_task[task] if not name.startswith("pool ")), 1) | of_memory
        if claim.batch:
            of_task[task] += (name := f"batch {claim.batch}",)
            sizes[name] = claim.batch_size
    return Limits(of_task, sizes)


def shared_sizes(pools: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Return the sizes of the pools that all plans of a user share on this machine, by the names of their limits."""
    return {f"pool {name}": int(pool["size"]) for name, pool in pools.items() if pool.get("shared")}


def limit_words(name: str) -> str:
    """Say to people what a limit is that the machine has a say in."""
    kind, _, rest = name.partition(" ")
    return f"{size_text(int(rest))} of free memory" if kind == MEMORY else f"the shared pool {rest}"


def read_size(value: Any) -> int:
    """Read a size of memory: ``2G``, ``512M``, or a number of bytes; raises ``ValueError``."""
    is_text = isinstance(value, (str, int)) and not isinstance(value, bool)
    found = _SIZE.fullmatch(str(value).strip()) if is_text else None
    if found is None:
        raise ValueError(f"{one_line(str(value), 40)!r} is not a size of memory; write 512M or 2G")
    size = int(float(found[1]) * 1024 ** " KMGT".index((found[2] or " ").upper()))
    if 0 < size < _LEAST_MEMORY or size > _MOST_MEMORY:
        raise ValueError(f"{one_line(str(value), 40)!r} is not between 1M and 64T; write 512M or 2G")
    return size


def size_text(size: int) -> str:
    """Return a size of memory as ``read_size`` takes it."""
    for letter, factor in (("T", 1024**4), ("G", 1024**3), ("M", 1024**2)):
        if size >= factor:
            return f"{size / factor:.4g}{letter}"
    return str(size)


def globs_of(writes: Sequence[str]) -> Sequence[str]:
    """Return the globs of what a task declares that it writes."""
    return writes[1:] if writes and writes[0] == STRICT else writes


def is_declared(path: str, writes: Sequence[str]) -> bool:
    """Say whether one of the globs of a task matches a path; both count from the work directory."""
    return any(_pattern(glob).fullmatch(path) for glob in globs_of(writes))


@lru_cache(maxsize=1024)
def _pattern(glob: str) -> re.Pattern[str]:
    *above, last = glob.split("/")
    found = "".join("(?:[^/]+/)*" if part == "**" else f"{name_pattern(part)}/" for part in above)
    try:
        return re.compile(found + ("(?:[^/]+/)*[^/]+" if last == "**" else name_pattern(last)))
    except re.error:
        raise ValueError(f"{one_line(glob, 60)!r} is not a glob") from None


def name_pattern(glob: str) -> str:
    """Return the regular expression of a glob that holds for one name, or for a part of one."""
    found, at = "", 0
    while at < len(glob):
        letter, at = glob[at], at + 1
        if letter == "*":
            found += "[^/]*"
        elif letter == "?":
            found += "[^/]"
        elif letter == "[" and (end := glob.find("]", at + 1)) > 0:
            letters, at = glob[at:end], end + 1
            is_other = letters[0] in "!^"
            escaped = re.sub(r"([\\\[\]^&~|])", r"\\\1", letters[1:] if is_other else letters)
            found += f"[{'^/' if is_other else ''}{escaped}]"
        else:
            found += re.escape(letter)
    return found


def _meets(globs: Collection[str]) -> dict[str, list[str]]:
    """Return, for each glob, the limits that it shares with others that it overlaps."""
    found: dict[str, list[str]] = {}
    # Two globs can only meet where what stands before the first wildcard of one begins that of the other.
    begins = sorted((_WILD.split(glob, maxsplit=1)[0], glob) for glob in globs)
    for at, (begin, one) in enumerate(begins):
        for other_begin, other in islice(begins, at + 1, None):
            if not other_begin.startswith(begin):
                break
            if overlap(one, other):
                name = f"writes {one} and {other}"
                found.setdefault(one, []).append(name)
                found.setdefault(other, []).append(name)
    return found


def overlap(one: str, other: str) -> bool:
    """Say whether there could be a path that matches both globs; ``**`` stands for any number of directories."""
    first, second = one.split("/"), other.split("/")
    # From the end: what is left of each, whether both can be matched by one path.
    below = [False] * (len(second) + 1)
    for at in range(len(first), -1, -1):
        row = [False] * (len(second) + 1)
        for to in range(len(second), -1, -1):
            left, right = first[at] if at < len(first) else "", second[to] if to < len(second) else ""
            if not left and not right:
                row[to] = True
            elif left == "**":
                row[to] = below[to] or (bool(right) and row[to + 1])
            elif right == "**":
                row[to] = row[to + 1] or (bool(left) and below[to])
            else:
                row[to] = bool(left and right) and below[to + 1] and _letters(left, right)
        below = row
    return below[0]


def _letters(one: str, other: str) -> bool:
    """Say whether a name could match both patterns; a class in brackets is taken for any character."""
    first, second = (re.sub(r"\[[^\]]*\]", "?", each) for each in (one, other))
    reached = {(0, 0)}
    stack = [(0, 0)]
    while stack:
        at, to = stack.pop()
        if at == len(first) and to == len(second):
            return True
        steps = []
        if at < len(first) and first[at] == "*":
            steps += [(at + 1, to), (at, to + 1)]
        if to < len(second) and second[to] == "*":
            steps += [(at, to + 1), (at + 1, to)]
        if at < len(first) and to < len(second) and "*" not in {first[at], second[to]}:
            is_same = first[at] == second[to] or "?" in {first[at], second[to]}
            steps += [(at + 1, to + 1)] if is_same else []
        for step in steps:
            if step not in reached and step[0] <= len(first) and step[1] <= len(second):
                reached.add(step)
                stack.append(step)
    return False
