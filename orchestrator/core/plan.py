"""What a plan is: tasks and what they need. And everything that can be wrong with one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.core.ids import GUESSES, as_name, suggestion
from orchestrator.core.priority import NORMAL, format_priority
from orchestrator.core.readiness import PLAIN, Rule
from orchestrator.core.status import RunIf, Verb
from orchestrator.core.text import one_line
from orchestrator.errors import NotFoundError, Problem, TransitionError, UsageError

if TYPE_CHECKING:
    from orchestrator.core.plan_status import PlanState


# ── plan header ────────
#
# What a plan says of itself, above its tasks. Small, for it is loaded by every command that only touches a plan.


class PlanHeader(NamedTuple):
    """The front matter keys that are no settings."""

    state: PlanState | None = None
    """None: it says none, and needs no approval."""
    title: str = ""
    priority: str = ""
    """As in a task table; empty: it says none."""
    eta: float = 0.0
    """When it is to be done, seconds since the epoch; 0: not set."""
    created: float = 0.0
    """When it was made, seconds since the epoch; 0: not set."""


TASK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ID_RULE = "an id is 1 to 64 letters, digits, '.', '_' or '-', starting with a letter or digit"
#: What a dependency is for. ``data``: the result is handed over. ``order``: first the one, then the other.
#: ``resource``: both use the same thing, such as a file they write. All three mean: not
#: before it is done.
KINDS = ("data", "order", "resource")
#: Most characters of a condition.
LONGEST_CONDITION = 2000
_LABEL = re.compile(r"agent[-_ ]?\d+", re.IGNORECASE)
#: Tasks named at most where a word may mean many.
_NAMED = 5


class Task(NamedTuple):
    """One row of the task table. A tuple, because ``status`` makes ten thousand of them from the cache."""

    id: str
    name: str
    description: str
    needs: tuple[str, ...] = ()
    agent: str = ""
    """The Agent cell as it was written, what runs it: a label such as ``Agent-01``, or the key of an agent."""
    priority: int = NORMAL
    estimate: float | None = None
    """Estimated seconds: its weight on the longest path, and in what is left to do. Nothing is ended by it."""
    expected: str = ""
    inputs: tuple[tuple[str, str], ...] = ()
    """Columns the orchestrator has no meaning for, handed to the agent as they are: (header, cell)."""
    where: str = ""
    """``file:line`` of the row."""
    need_kinds: tuple[tuple[str, str], ...] = ()
    """Needs that hand nothing over, each with its kind: ``order`` or ``resource``. All others are of kind ``data``."""
    assignee: str = ""
    """Who is responsible: the name of a person, a role, or an agent."""
    parent: str = ""
    """The umbrella it stands under."""
    tags: tuple[str, ...] = ()
    """Words to find it by."""
    type: str = ""
    """What sort of work it is, its Type cell: dev, test, research …"""
    children: tuple[str, ...] = ()
    """The tasks that name it as their parent. With any it is an umbrella: it needs them and is never launched."""
    priority_text: str = ""
    """Its priority as the row writes it, where that is a number; ``-`` where others have numbers and it has none."""
    deadline: float = 0.0
    """When it is to be done, seconds since the epoch; 0: not set. It is shown, and changes no order."""
    condition: str = ""
    """It runs only if this is met (``core/condition.py``); empty: it has none."""
    run_if: str = ""
    """What has to become of its needs for it to run: a ``RunIf``; empty: the default."""
    fallback_for: str = ""
    """It runs only if this task fails, and stands in for its result."""
    covers: tuple[tuple[str, str], ...] = ()
    """Of its needs those that have a fallback, with that."""
    settings: tuple[tuple[str, str], ...] = ()
    """Settings that its row says, each with its cell (``ROW_SETTINGS``)."""
    foreach: str = ""
    """The list of a batch, or where it is (``core/batch.py``); of a task of a batch, a list that only a run knows."""
    matrix: str = ""
    """The axes of a batch that is the product of some lists, as JSON."""
    max_concurrent: int = 0
    """How many tasks of the batch run at the same time; 0: as many as can."""
    on_failure: str = ""
    """``stop``: once a task of the batch failed, none that has not started is started."""
    item: str = ""
    """Of a task of a batch: its item, as JSON."""
    command: str = ""
    """Of a task of a batch: what a shell runs, where that is not its description."""

    @property
    def is_batch(self) -> bool:
        """Whether a run makes a group of it, with a task for each item of its list."""
        return bool(self.foreach or self.matrix) and not self.item

    @property
    def question(self) -> str:
        """What is to be looked at before it may start, once what it depends on is over; empty: nothing."""
        if self.condition and (self.item or not self.is_batch):
            return self.condition
        return f"for each {self.foreach or self.matrix}" if (self.foreach or self.matrix) and not self.children else ""

    @property
    def rule(self) -> Rule:
        """What has to become of its needs for it to run."""
        if not (self.run_if or self.fallback_for or self.covers):
            return PLAIN
        return Rule(RunIf(self.run_if or RunIf.ALL_COMPLETED), self.fallback_for, dict(self.covers))

    @property
    def data_needs(self) -> tuple[str, ...]:
        """The needs whose results it gets."""
        if not self.need_kinds:
            return self.needs
        loose = dict(self.need_kinds)
        return tuple(need for need in self.needs if need not in loose)

    @property
    def own_needs(self) -> tuple[str, ...]:
        """What it waits for besides the tasks under it."""
        if not self.children:
            return self.needs
        below = frozenset(self.children)
        return tuple(need for need in self.needs if need not in below)

    @property
    def stem(self) -> str:
        """The name its files carry: ``T-01`` ↔ ``agent-01``; other ids keep their own name."""
        return stem(self.id)

    @property
    def result_path(self) -> str:
        """Where its result lies, seen from the plan directory."""
        return f"results/{self.stem}-result.md"

    @property
    def agent_key(self) -> str:
        """The agent the row asks for by key; empty when the cell is empty or only a label (``Agent-01``)."""
        return "" if _LABEL.fullmatch(self.agent) else self.agent

    @property
    def role(self) -> str:
        """Who is responsible, when that is more than a label (``Agent-01``)."""
        return "" if _LABEL.fullmatch(self.assignee) else self.assignee

    @property
    def worker(self) -> str:
        """The name by which the worker is known, in ``TM_AGENT_ID`` and in what it writes."""
        return as_name(self.assignee or self.agent) or self.stem

    @property
    def label(self) -> str:
        """How people see its agent: who is responsible, the row's own label, ``Agent-01`` for ``T-01``, the id."""
        if self.assignee:
            return self.assignee
        if self.agent and _LABEL.fullmatch(self.agent):
            return self.agent
        own = stem(self.id)
        return self.id if own == self.id else own.capitalize()

    @property
    def shown_priority(self) -> str:
        """Its priority for people: a number as it was written, else one of ``P0…P3``."""
        return self.priority_text or format_priority(self.priority)

    @property
    def who(self) -> str:
        """The same beside the id: empty where it would only say that once more."""
        return self.label if self.label != self.id else ""


class Plan(NamedTuple):
    """A whole plan, as a person wrote it."""

    tasks: Mapping[str, Task]
    title: str = ""
    request: str = ""
    goal: str = ""
    settings: Mapping[str, Any] = {}
    lines: Mapping[str, int] = {}
    """Line of the file in which each setting stands."""
    file: str = "master_plan.md"
    table: int = 1
    """Line of the file in which the first table of tasks begins."""
    header: PlanHeader = PlanHeader()
    """What it says of itself: its state, its title, when it is to be done."""

    @property
    def budget(self) -> float:
        """USD that all its runs together may cost; 0: not set. A flag of one run may say another sum."""
        return float(self.settings.get("budget_usd") or 0.0)


def is_label(name: str) -> bool:
    """Say whether a name only numbers an agent, as ``Agent-01`` does."""
    return _LABEL.fullmatch(name) is not None


def id_of(word: str, tasks: Mapping[str, Task]) -> str:
    """Return the id that a word means: ``agent-03``, as files and tables call ``T-03``; any other word is one itself.

    Raises:
        UsageError: it means more than one task, because a row says ``Agent-03`` that is not ``T-03``.
    """
    if word in tasks or not is_label(word):
        return word
    said = word.casefold()
    found = [
        task.id
        for task in tasks.values()
        if said in {task.stem.casefold(), task.agent.casefold(), task.assignee.casefold()}
    ]
    if len(found) > 1:
        listed = ", ".join([*found[:_NAMED], *(["…"] if len(found) > _NAMED else [])])
        raise UsageError(f"{word} may be any of {listed}", hint="say the id of one of them")
    return found[0] if found else word


def unknown_task(said: str, known: Collection[str], option: str = "") -> NotFoundError:
    """Return the error of a word that means no task; *option*: where it was said, if not to the command itself."""
    message = f"task {one_line(said, 80)} not found"
    hint = suggestion(said, known, "`orchestrator list` shows all tasks")
    batch, _, number = said.rpartition(".")
    if batch in known and number.isdecimal():
        hint = f"a task that {batch} makes of an item of its list has no row: say {batch}"
    return NotFoundError(f"{option}: {message}" if option else message, hint=hint)


@lru_cache(maxsize=32 * 1024)
def stem(task_id: str) -> str:
    """Return the file stem of a task id: ``T-01`` → ``agent-01``; other ids keep their own name."""
    # Remembered, and no regular expression: a run asks thirty times for each task, a look at ten thousand once.
    return f"agent-{task_id[2:]}" if task_id.startswith("T-") and task_id[2:].isdecimal() else task_id


def resolve_stems(stems: Mapping[str, str]) -> dict[str, str]:
    """Return what people may call the files of tasks, in lower case → the stem that each has.

    ``T-01`` or ``Agent-01`` for ``agent-01``, ``agent-scan`` for ``scan``, ``agent-01`` for ``1``. *stems* have their
    ids.
    """
    likened = {
        f"agent-{word}".casefold(): own for own, task_id in stems.items() for word in (task_id, task_id.zfill(2))
    }
    return likened | {word.casefold(): own for own, task_id in stems.items() for word in (task_id, own)}


def check_rows(rows: Sequence[Task]) -> Iterator[Problem]:
    """Yield every problem that one can see without walking the graph: ids, files, dependencies."""
    seen: dict[str, Task] = {}
    stems: dict[str, Task] = {}
    folded: dict[str, Task] = {}
    ids = {row.id for row in rows}
    unknown = 0
    for row in rows:
        fold, folded_stem = row.id.casefold(), row.stem.casefold()
        if not TASK_ID.fullmatch(row.id):
            message = f"bad task id {row.id!r}" if row.id else "a task without an id"
            yield Problem(message, row.where, ID_RULE, "bad_id")
        elif row.id in seen:
            message = f"duplicate task id {row.id}, first used at {seen[row.id].where}"
            hint = "give one of the two rows another id"
            yield Problem(message, row.where, hint, "duplicate_id")
        elif folded_stem in stems:
            both = f"tasks {stems[folded_stem].id} and {row.id}"
            message = f"{both} would share the file agent_tasks/{row.stem}.md"
            yield Problem(message, row.where, "rename one of them", "duplicate_file")
        elif fold in folded:
            message = f"tasks {folded[fold].id} and {row.id} differ only by case"
            yield Problem(message, row.where, "rename one of them", "duplicate_id")
        seen.setdefault(row.id, row)
        folded.setdefault(fold, row)
        stems.setdefault(folded_stem, row)
        unknown += any(need not in ids for need in row.needs)
        yield from _check_needs(row, ids, guesses=ids if unknown <= GUESSES else ())


def _check_needs(row: Task, ids: Collection[str], *, guesses: Collection[str]) -> Iterator[Problem]:
    for need in row.needs:
        if need == row.id:
            yield Problem(
                f"task {row.id} depends on itself", row.where, f"remove {need} from its dependencies", "self_dependency"
            )
        elif need not in ids:
            yield Problem(
                f"task {row.id} depends on {need}, which is not in the plan",
                row.where,
                _advice(need, [each for each in guesses if each != row.id]),
                "unknown_dependency",
            )


def _advice(need: str, guesses: Collection[str]) -> str:
    if need.startswith("("):
        return f"a dependency is of one of these kinds: {', '.join(f'({kind})' for kind in KINDS)}"
    if is_label(need):
        found = [each for each in guesses if stem(each).casefold() == need.casefold()]
        if found:
            return f"a dependency is the id of a task; did you mean {found[0]}?"
    first = max((len(each) for each in guesses if need.startswith(each)), default=0)
    last = max((len(each) for each in guesses if need.endswith(each)), default=0)
    if first and last and first + last < len(need):
        return "name each task by itself, with a comma between two"
    return suggestion(need, guesses, "add the task or remove the dependency")


def in_words(task: Task, *, is_prose: bool) -> str:
    """Return what the row of a task says, where its file has no text; for a program only the description."""
    said = task.description or task.name
    if not is_prose:
        return task.command or said
    given = [f"- {name}: {value}" for name, value in task.inputs]
    expected = ["", "## Expected Output", task.expected] if task.expected else []
    return "\n".join([said, *([""] if given else []), *given, *expected])


# ── group ────────
#
# Tasks that stand under another one.
#
# A task that others name as their parent is an umbrella: it is never launched, it needs its children, and it is
# completed when they are. What it needs they need too, so a phase that waits holds back everything in it; and anyone
# who depends on it waits for them all and gets their results.

_Needs = tuple[dict[str, None], dict[str, str]]
_ADD = "add the task or empty the cell"


def check_parents(rows: Sequence[Task]) -> Iterator[Problem]:
    """Yield what is wrong with who stands under whom: parents that are not there, and circles."""
    parents = {row.id: row.parent for row in rows}
    wheres = {row.id: row.where for row in rows}
    sound: set[str] = set()
    unknown = 0
    for row in rows:
        if row.parent and row.parent not in parents:
            unknown += 1
            guesses = parents if unknown <= GUESSES else ()
            yield Problem(
                f"task {row.id} stands under {row.parent}, which is not in the plan",
                row.where,
                suggestion(row.parent, [each for each in guesses if each != row.id], _ADD),
                "unknown_parent",
            )
        path: dict[str, None] = {}
        at = row.id
        while at and at not in sound and at not in path:
            path[at] = None
            at = parents.get(at, "")
        if at in path:
            circle = [*list(path)[list(path).index(at) :], at]
            yield Problem(
                f"the parents form a circle: {' → '.join(circle[:12])}",
                wheres[at],
                f"take one of them from under the other, for instance {at}",
                "parent_cycle",
            )
        sound.update(path)


def with_umbrellas(tasks: Mapping[str, Task]) -> dict[str, Task]:
    """Return the tasks with what being under or above another one means for their needs; parents must be sound."""
    children: dict[str, list[str]] = {}
    for task in tasks.values():
        if task.parent:
            children.setdefault(task.parent, []).append(task.id)
    if not children:
        return dict(tasks)
    inherited: dict[str, _Needs] = {"": ({}, {})}
    return {task.id: _linked(task, _of_group(task.parent, tasks, inherited), children) for task in tasks.values()}


def _linked(task: Task, above: _Needs, children: Mapping[str, Sequence[str]]) -> Task:
    needs, kinds = above
    below = tuple(children.get(task.id, ()))
    if not (below or needs):
        return task
    own = dict(task.need_kinds)
    return task._replace(
        needs=tuple(dict.fromkeys((*task.needs, *needs, *below))),
        need_kinds=tuple((own | {each: kinds[each] for each in kinds if each not in task.needs}).items()),
        children=below,
    )


def _of_group(parent: str, tasks: Mapping[str, Task], known: dict[str, _Needs]) -> _Needs:
    """Return what the tasks under *parent* need because of it and of what it stands under itself."""
    way = []
    while parent not in known:
        way.append(tasks[parent])
        parent = tasks[parent].parent
    for task in reversed(way):
        needs, kinds = known[task.parent]
        known[task.id] = dict.fromkeys((*task.needs, *needs)), {**kinds, **dict(task.need_kinds)}
        parent = task.id
    return known[parent]


# ── fallback ────────
#
# A task that runs only if another one fails, and stands in for it: what depends on that one gets its result instead.


def check_fallbacks(tasks: Mapping[str, Task]) -> Iterator[Problem]:
    """Yield what is wrong with the tasks that stand in for others."""
    seen: dict[str, str] = {}
    for task in tasks.values():
        target = task.fallback_for
        if not target:
            continue
        hint = "name the task that it stands in for, or empty the cell"
        if target not in tasks or target == task.id:
            hint = suggestion(target, [each for each in tasks if each != task.id], hint)
            message = f"task {task.id} is a fallback for {target}, which is not another task of the plan"
            yield Problem(message, task.where, hint, "bad_fallback")
        elif tasks[target].children or task.children:
            group = target if tasks[target].children else task.id
            message = f"{group} is an umbrella: it has no fallback, and is none"
            yield Problem(message, task.where, hint, "bad_fallback")
        elif target in seen:
            message = f"{target} has two fallbacks: {seen[target]} and {task.id}"
            yield Problem(message, task.where, f"let {task.id} be a fallback for {seen[target]}", "bad_fallback")
        elif task.condition or task.run_if:
            message = f"{task.id} runs if {target} fails, and has no condition of its own"
            yield Problem(message, task.where, "empty its If and Run If", "bad_fallback")
        seen.setdefault(target, task.id)


def with_fallbacks(tasks: Mapping[str, Task]) -> dict[str, Task]:
    """Return the tasks with what fallbacks mean for their needs; fallbacks must be sound.

    A fallback waits for its task, and what depends on that task depends on the fallback, too.
    """
    covers = {task.fallback_for: task.id for task in tasks.values() if task.fallback_for}
    return {task.id: _covered(task, covers) for task in tasks.values()} if covers else dict(tasks)


def _covered(task: Task, covers: Mapping[str, str]) -> Task:
    needs, kinds = dict.fromkeys(task.needs), dict(task.need_kinds)
    if task.fallback_for and task.fallback_for not in needs:
        needs[task.fallback_for] = None
        kinds[task.fallback_for] = "order"
    found: dict[str, str] = {}
    for need in task.needs:
        at = need
        while at in covers and at != task.fallback_for and covers[at] != task.id:
            found[at] = covers[at]
            at = covers[at]
            needs[at] = None
            if need in kinds:
                kinds.setdefault(at, kinds[need])
    return task._replace(needs=tuple(needs), need_kinds=tuple(kinds.items()), covers=tuple(found.items()))


def refuse_group(task_id: str, *, is_one: bool) -> None:
    """Let no one say where an umbrella stands.

    Raises:
        TransitionError: it is one.
    """
    if is_one:
        raise TransitionError(
            f"{task_id} is an umbrella: where it stands follows from the tasks under it",
            hint=f"`orchestrator list --parent {task_id}` shows them",
        )


def refuse_batch(task: Task, verb: Verb) -> None:
    """Let no one do a batch by hand: its tasks are done.

    Raises:
        TransitionError: that is wanted.
    """
    if task.is_batch and verb in {Verb.START, Verb.COMPLETE, Verb.FAIL}:
        raise TransitionError(
            f"{task.id} is a batch, and it is not known yet which tasks it has: {task.question}",
            hint="a run makes them, and each can be done by hand then",
        )


def sources(task: Task, tasks: Mapping[str, Task]) -> tuple[str, ...]:
    """Return the tasks whose results a task gets; an umbrella hands over those of everything under it."""
    needs = task.data_needs
    if not any(tasks[need].children for need in needs):
        return needs
    return tuple(dict.fromkeys(each for need in needs for each in leaves(need, tasks)))


def joined(task: Task, seen: Mapping[str, int], tasks: Mapping[str, Task]) -> list[str]:
    """Return what is under an umbrella by now and was not when a result was made from what was: *seen*.

    Nothing of an umbrella of which the result saw nothing: it was made before its task depended on that.
    """
    found: dict[str, None] = {}
    for umbrella in (need for need in task.data_needs if tasks[need].children):
        below = leaves(umbrella, tasks)
        if umbrella in seen or not seen.keys().isdisjoint(below):
            found.update(dict.fromkeys(each for each in below if each not in seen))
    return list(found)


def leaves(task_id: str, tasks: Mapping[str, Task]) -> list[str]:
    """Return a task, or everything under it that is no umbrella itself."""
    found, stack = [], [task_id]
    while stack:
        if children := tasks[each := stack.pop()].children:
            stack += reversed(children)
        else:
            found.append(each)
    return found
