"""What the engine of a run starts from: tasks, accounts as earlier attempts left them, and the money that is left."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from orchestrator.agents.protocol import Agent
from orchestrator.core.agent import AgentRegistry, Capacity, Machine
from orchestrator.core.cost import feared, unsettled
from orchestrator.core.plan import Plan, Task, joined
from orchestrator.core.pools import Claim, Limits, limits, shared_sizes
from orchestrator.core.result import Attempt, Result, Verdict, closed
from orchestrator.core.settings import Settings
from orchestrator.core.snapshot import PlanSnapshot, held
from orchestrator.core.status import TaskStatus
from orchestrator.errors import PlanError, Problem
from orchestrator.runner.clock import Clock
from orchestrator.runner.loop import Runner
from orchestrator.runner.plan_watcher import Change
from orchestrator.runner.preview import RunPreview
from orchestrator.scheduler.budget import DEFAULT_MODEL, Account, Budget, needed
from orchestrator.scheduler.engine import Engine
from orchestrator.scheduler.node import Node
from orchestrator.services.run_request import KEPT_AS_THEY_ARE, startable
from orchestrator.store.attempt_record import Traces
from orchestrator.views.status import hold_text


def build_engine(
    ahead: RunPreview,
    traces: Mapping[str, Traces],
    agents: Mapping[str, Agent],
    registry: AgentRegistry,
    clock: Clock,
    *,
    machine: Machine | None = None,
) -> Engine:
    """Return the engine for everything that is to run; *machine* says what other plans leave of it."""
    settings = ahead.settings
    found = plan_limits(ahead.board.plan, ahead.policies)
    entries = list(_entries(ahead, traces, agents, registry, found))
    return Engine(
        entries,
        max_parallel=settings.max_parallel,
        stop_on_failure=settings.on_failure == "stop",
        accounts=accounts(ahead.board, agents, clock, settings, ahead.policies),
        capacity=Capacity({**registry.widths, **found.sizes}, machine),
        budget=_budget(ahead, sum(entry.open_bill for entry in entries)),
    )


def revised_entries(
    change: Change, runner: Runner, ahead: RunPreview, agents: Mapping[str, Agent], registry: AgentRegistry
) -> tuple[list[Node], Mapping[str, int]]:
    """Return the entries of a plan that was changed during a run, and the sizes of its limits."""
    results = {**change.results, **runner.board.results}
    board = PlanSnapshot(change.plan, change.shape, results)
    now = ahead._replace(
        board=board, policies=change.policies, meant=change.meant, to_run=startable(ahead.order, board)
    )
    tasks = change.plan.tasks
    traces = {tasks[each].stem: Traces(newest=number) for each, number in change.newest.items()}
    found = plan_limits(change.plan, change.policies)
    entries = list(_entries(now, traces, agents, registry, found))
    for entry in entries:
        entry.open_bill = 0.0  # what was spent before the run is in the purse already
        if board.status(entry.id) is not TaskStatus.COMPLETED and not entry.is_umbrella:
            result = results.get(entry.id)
            entry.is_outdated = bool(result and joined(tasks[entry.id], result.inputs, tasks))
    return entries, found.sizes


def plan_limits(plan: Plan, policies: Mapping[str, Settings]) -> Limits:
    """Return the pools, locks and written files that keep tasks of a plan from running at the same time."""
    claims = {}
    for task in plan.tasks.values():
        if not task.children:
            asked = policies[task.id]
            claim = Claim(task.type, asked.task_pools, asked.concurrency, asked.writes, asked.memory)
            if task.item and task.max_concurrent:
                claim = claim._replace(batch=task.parent, batch_size=task.max_concurrent)
            claims[task.id] = claim
    return limits(claims, plan.settings.get("pools", {}))


def shared_pools(plan: Plan) -> dict[str, int]:
    """Return the sizes of the pools that a plan shares with others, by the names of their limits."""
    return shared_sizes(plan.settings.get("pools", {}))


def require_same_pools(before: Plan, after: Plan) -> None:
    """Make sure that a run has every slot of what its changed plan shares: its guard was given them when it began.

    Raises:
        PlanError: a shared pool is new, or larger.
    """
    known, where = shared_pools(before), f"{after.file}:{after.lines.get('pools', 1)}"
    for name, size in shared_pools(after).items():
        if size > known.get(name, 0):
            message = f"the shared {name} is new or larger, and this run has not got its slots"
            hint = "put it back, or end the run and start it again: `orchestrator stop`, `orchestrator run`"
            raise PlanError([Problem(message, where, hint, "bad_setting")])


def accounts(
    board: PlanSnapshot, agents: Mapping[str, Agent], clock: Clock, settings: Settings, policies: Mapping[str, Settings]
) -> dict[str, Account]:
    """Return the accounts of all agents, held as the newest attempts left them.

    *settings* are those of the run, *policies* those of its tasks.
    """
    found = idle_accounts(agents, settings)
    wall, now = clock.wall(), clock.now()
    payers = {key: agent.account for key, agent in agents.items()}
    for hold in held(board.results.values(), payers):
        if account := found.get(payers.get(hold.agent, "")):
            is_shut = hold.until > wall and settings.on_hold != "wait"
            until = math.inf if is_shut else now + hold.until - wall
            policy = policies.get(hold.task)
            model = (policy.model or DEFAULT_MODEL) if policy else hold.model
            for _, door in account.doors_held(hold.model, model):
                door.hold(until)
    return found


def holds_found(ahead: RunPreview, agents: Mapping[str, Agent], now: float) -> list[str]:
    """Say which accounts that this run needs are held, and until when; *now* is in seconds since the epoch."""
    payers = {key: agent.account for key, agent in agents.items()}
    needed = {payers[ahead.policies[task_id].agent] for task_id in ahead.to_run}
    found = [
        hold
        for hold in held(ahead.board.results.values(), payers)
        if hold.until > now and payers.get(hold.agent) in needed and (not hold.model or hold.task in ahead.to_run)
    ]
    if not found:
        return []

    ends = "" if ahead.settings.on_hold == "wait" else " · nothing of it starts in this run"
    return [hold_text(each) + ends for each in found]


def idle_accounts(agents: Mapping[str, Agent], settings: Settings) -> dict[str, Account]:
    """Return the accounts of all agents, open."""
    names = {agent.account for agent in agents.values() if agent.account}
    is_patient = settings.on_hold == "wait"
    return {name: Account(near_limit=settings.near_limit, is_patient=is_patient) for name in names}


def _budget(ahead: RunPreview, open_bills: float) -> Budget:
    """Return what the plan may still cost: earlier runs count, with all that they may have cost.

    *open_bills* are those that a session which goes on will tell of: they are reserved, and not spent yet.
    """
    spent = 0.0
    for result in ahead.board.paid_for():
        spent += sum(attempt.cost or 0.0 for attempt in result.attempts)
        spent += feared(_unsettled(result))
    return Budget(ahead.settings.budget_usd or math.inf, spent - open_bills, open_bills)


def _open_bill(result: Result | None) -> float:
    """Return what attempts may have cost that their session, when it goes on, will tell of."""
    if result is None or result.last is None or not result.last.is_resumable:
        return 0.0
    session = result.last.session
    return feared(each for each in _unsettled(result) if each.session == session)


def _unsettled(result: Result) -> list[Attempt]:
    """Return the attempts of unknown cost; one that a dead run left open is over, and is one of them."""
    return unsettled(closed(result.attempts))


def _entries(
    ahead: RunPreview, traces: Mapping[str, Traces], agents: Mapping[str, Agent], registry: AgentRegistry, found: Limits
) -> Iterator[Node]:
    board, to_run = ahead.board, set(ahead.to_run)
    known, crews = _known(ahead), {member.key: registry.pool(member.key) for member in registry}
    for task in board.plan.tasks.values():
        if task.id not in known:
            continue
        runs, status = task.id in to_run, board.status(task.id)
        policy, result = ahead.policies[task.id], board.results.get(task.id)
        account = agents[policy.agent].account
        yield Node(
            id=task.id,
            needs=task.needs,
            order_needs=frozenset(need for need, _ in task.need_kinds),
            priority=task.priority,
            rank=board.shape.rank[task.id],
            timeout=policy.timeout,
            idle_timeout=policy.idle_timeout or math.inf,
            account="" if task.children else account,
            model=_model(policy, result),
            pool=() if task.children else (*crews[policy.agent], *found.of_task[task.id]),
            budget=policy.task_budget_usd or math.inf,
            spent=_spent(result),
            open_bill=_open_bill(result) if runs and account else 0.0,
            max_attempts=policy.max_attempts,
            retry_delay=policy.retry_delay,
            is_umbrella=bool(task.children),
            rule=task.rule,
            condition=task.question,
            stops=task.parent if task.item and task.on_failure == "stop" else "",
            is_omitted=task.id in board.omitted and not runs,
            status=TaskStatus.WAITING if runs or task.children else status,
            attempt=_newest(task, board, traces),
            charge=min(_charge(result), policy.max_attempts - 1),
        )


def _known(ahead: RunPreview) -> set[str]:
    """Return the tasks that the engine knows: all of them, but for what ``--only`` left out and what waits for that."""
    board, to_run, known = ahead.board, set(ahead.to_run), set[str]()
    for task_id in board.shape.order:
        task = board.plan.tasks[task_id]
        is_kept = bool(task.children) or board.status(task_id) in KEPT_AS_THEY_ARE or task_id in board.omitted
        if task_id in to_run or (is_kept and known.issuperset(task.needs)):
            known.add(task_id)
    return known


def _spent(result: Result | None) -> float:
    """Return what counts against the budget of a task, USD: what its attempts cost, or may have."""
    if result is None:
        return 0.0
    known = sum(attempt.cost or 0.0 for attempt in result.attempts)
    return known + feared(_unsettled(result)) - _open_bill(result)


def _model(policy: Settings, result: Result | None) -> str:
    """Return the model that a task asks for, and the one whose limit it met last."""
    limited = result.last.model if result is not None and result.last is not None else ""
    return needed(policy.model or DEFAULT_MODEL, limited)


def _newest(task: Task, board: PlanSnapshot, traces: Mapping[str, Traces]) -> int:
    """Return the highest attempt number ever used: no attempt overwrites the log of another."""
    result, known = board.results.get(task.id), traces.get(task.stem)
    return max(result.number if result else 0, known.newest if known else 0)


def _charge(result: Result | None) -> int:
    """Attempts already charged: those of a run that was cut short; a task that failed for good starts afresh."""
    if result is None or result.last is None or result.status is not TaskStatus.PENDING:
        return 0
    last = result.last
    if result.note:
        return 0  # a user sent it back: it has all its attempts again
    if last.is_manual:
        return last.charge
    return last.charge if last.status == Verdict.FAILED.value else last.charge - 1
