"""What the dashboard answers: pages, and what their buttons do. The same actions as behind the command line."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from orchestrator.core.message import MessageKind
from orchestrator.core.status import COMMANDS, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.core.text import one_line
from orchestrator.errors import (
    CriteriaError,
    ExitStatus,
    NotFoundError,
    OrchestratorError,
    StoreError,
    TransitionError,
    UsageError,
)
from orchestrator.plan.task_fields import FIELD_OF
from orchestrator.runner.detach import detach
from orchestrator.runner.task_commands import act
from orchestrator.services import plans
from orchestrator.services.messages import say
from orchestrator.services.new_task import NewTask, add
from orchestrator.services.plugins import Plugins
from orchestrator.services.run_request import RunRequest
from orchestrator.services.stop import stop
from orchestrator.store.layout import Layout
from orchestrator.store.plan_directory import find_plan
from orchestrator.views.overview_page import FINAL_EVENTS
from orchestrator.views.pages import Site, Trouble, prepare, trouble_of, trouble_page
from orchestrator.views.task_page import FINAL_VERBS
from orchestrator.web import queries
from orchestrator.web.gate import STATIC, Keys
from orchestrator.web.live import Live
from orchestrator.wiring import detached, plugins

if TYPE_CHECKING:
    from starlette.requests import Request

_STATIC_FILES = os.path.join(os.path.dirname(__file__), "static")
_VERBS = {verb.value: verb for verb in COMMANDS}
_KINDS = {kind.value: kind for kind in (MessageKind.SHARE, MessageKind.DISCOVER)}
_STATUSES: Mapping[int, int] = {ExitStatus.BUSY: 409, ExitStatus.HELD: 409, ExitStatus.STATE_FAILED: 500}


def application(root: Layout, keys: Keys, live: Live, caller: str, program: str) -> Starlette:
    """Return what answers behind the gate.

    *root* is a plan directory, or one of plans; *caller* does what is done here; *program* is how people call us.
    """
    prepare()
    desk = _Desk(root, keys, live, caller, program)
    of_plan = [
        Route("/", desk.overview, name="overview"),
        Route("/events", desk.events),
        Route("/tasks", desk.add, methods=["POST"]),
        Route("/run", desk.run, methods=["POST"]),
        Route("/stop", desk.stop, methods=["POST"]),
        Route("/transition", desk.transition, methods=["POST"]),
        Route("/tasks/{task}", desk.task),
        Route("/tasks/{task}/events", desk.events),
        Route("/tasks/{task}/logs/{attempt}", desk.log),
        Route("/tasks/{task}/logs/{attempt}/events", desk.events),
        Route("/tasks/{task}/run", desk.run, methods=["POST"]),
        Route("/tasks/{task}/{word}", desk.act, methods=["POST"]),
    ]
    # The page for an unknown address names the directory and its owner: it is shown only behind the token.
    pages = Starlette(
        routes=[Mount("/plans/{plan}", routes=of_plan), *of_plan],
        exception_handlers={404: desk.nothing_here, 405: desk.not_by_this, OrchestratorError: desk.failed},
    )
    static = StaticFiles(directory=_STATIC_FILES)
    return Starlette(routes=[Mount(STATIC, static), Mount(keys.place, pages)])


@dataclass(frozen=True, slots=True)
class _Desk:
    """Answers requests; what blocks runs in a thread."""

    root: Layout
    keys: Keys
    live: Live
    caller: str
    program: str
    home: str = field(default_factory=os.getcwd)
    starting: dict[str, threading.Lock] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    """When the last run of a plan had begun that was started here."""

    # ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────

    def events(self, request: Request) -> Response:
        """Tell a page when it is no longer true."""
        layout, task = self._layout(request), request.path_params.get("task")
        attempt = request.path_params.get("attempt")
        if task and attempt:
            look = partial(queries.scene_of_log, layout, task, attempt, _stream(request))
        elif task:
            look = partial(queries.scene_of_task, layout, task)
        else:
            look = partial(queries.scene_of_plan, layout)
        look()  # what is not there is said at once
        return self.live.events(look, request.query_params.get("seen", ""))

    def overview(
        self, request: Request, error: OrchestratorError | None = None, given: Mapping[str, str] | None = None
    ) -> Response:
        """Show a plan, or the plans of a directory; *error* is why nothing came of what was *given*."""
        layout = self._layout(request)
        scene = queries.scene_of_plan(layout)
        with self.live.measured(scene):
            site = self._site(request, "/", scene.version())
            page = queries.plan(site, layout, request.query_params, trouble=_trouble(error), given=given)
        return HTMLResponse(page, _status(error))

    def task(
        self, request: Request, error: OrchestratorError | None = None, given: Mapping[str, str] | None = None
    ) -> Response:
        """Show a task; likewise."""
        layout, task = self._layout(request), request.path_params["task"]
        scene = queries.scene_of_task(layout, task)
        with self.live.measured(scene):
            here = f"/tasks/{task}"
            site = self._site(request, here, scene.version(), events=f"{here}/events")
            page = queries.task(site, layout, task, asked=request.query_params, trouble=_trouble(error), given=given)
        return HTMLResponse(page, _status(error))

    def log(self, request: Request) -> Response:
        """Show the end of what an attempt printed."""
        layout, task = self._layout(request), request.path_params["task"]
        attempt, stream = request.path_params["attempt"], _stream(request)
        scene = queries.scene_of_log(layout, task, attempt, stream)
        with self.live.measured(scene):
            here = f"/tasks/{task}/logs/{attempt}"
            events = f"{here}/events?stream={stream}"
            site = self._site(request, here, scene.version(), events=events)
            page = queries.log(site, layout, task, attempt, stream)
        return HTMLResponse(page)

    def _site(self, request: Request, here: str = "/", version: str = "", events: str = "/events") -> Site:
        plan = request.path_params.get("plan", "")
        site = Site(
            place=self.keys.place,
            static=STATIC,
            form=self.keys.form,
            caller=self.caller,
            plan=plan,
            directory=f"{self.root.root}/{plan}" if plan else self.root.root,
            program=self.program,
            is_part=request.headers.get("x-part") == "main",
        )
        asked = f"?{request.url.query}" if request.url.query and request.method == "GET" else ""
        return site._replace(
            here=f"{site.base}{here}{asked}", events=f"{site.base}{events}" if version else "", version=version
        )

    def _layout(self, request: Request) -> Layout:
        self._require_home()
        plan = request.path_params.get("plan")
        return find_plan(plan, {}, self.root.root, self.root.root) if plan else self.root

    def _require_home(self) -> None:
        """Be where we were started: paths are shown from there, and agents may have to work there."""
        try:
            os.getcwd()
        except FileNotFoundError:
            try:
                os.chdir(self.home)  # made anew, it is another one
            except OSError as error:
                raise StoreError(
                    "the directory that the dashboard was started in is gone",
                    where=self.home,
                    hint="make it again, or start the dashboard in another one",
                ) from error

    # ── what is done ─────────────────────────────────────────────────────────────────────────────────────────────

    def act(self, request: Request) -> Response:
        """Do something with a task: a verb of the table of transitions, or say something about it."""
        layout, form = self._layout(request), request.scope["form"]
        task, word = request.path_params["task"], request.path_params["word"]
        try:
            if word in _KINDS:
                say(layout, task, _KINDS[word], self.caller, form.get("text", ""))
            elif word in _VERBS:
                self._intervene(layout, _VERBS[word], task, form.get("words", ""))
            else:
                return self.nothing_here(request, None)
        except NotFoundError:
            raise
        except OrchestratorError as error:
            return self.task(request, error, {**form, "asked": word})
        return self._back(request, f"/tasks/{task}")

    def _intervene(self, layout: Layout, verb: Verb, task: str, words: str) -> None:
        is_answer = verb is Verb.COMPLETE
        if verb in FINAL_VERBS:
            _reason({"words": words}, verb.value)
        command = TaskCommand(
            verb=verb,
            task=task,
            by=self.caller,
            time=time.time(),
            note="" if is_answer else words,
            answer=words if is_answer and words.strip() else "",
        )
        act(layout, command, _plugins_of)  # the browser shows that it waits

    def add(self, request: Request) -> Response:
        """Add a task."""
        form = request.scope["form"]
        given = {name: text for name in FIELD_OF if (text := form.get(name, "").strip())}
        task = NewTask(form.get("text", "").strip(), needs=form.get("needs", "").strip(), values=given)
        layout = self._layout(request)
        try:
            added = add(layout, task, self.caller, lambda place: plugins(layout=place).registry)
        except OrchestratorError as error:
            return self.overview(request, error, form)
        return self._back(request, f"/tasks/{added.id}")

    def run(self, request: Request) -> Response:
        """Start a run of the plan, or of one task, that goes on without us."""
        pressed, layout = time.monotonic(), self._layout(request)
        simulate = "simulate" in request.scope["form"]
        task = request.path_params.get("task", "")
        words = ["run", layout.root, *(["--simulate"] if simulate else [])]
        words += ["--only", task] if task else []
        try:
            with self.starting.setdefault(layout.root, threading.Lock()):
                # A button that is pressed again until something happens asks for the same run.
                if self.begun.get(layout.root, 0.0) < pressed:
                    order = RunRequest(layout, simulate=simulate, only=(task,) if task else ())
                    started = detach(order, plugins(layout=layout), detached, words)
                    self.begun[layout.root] = time.monotonic()
                    # It is our child as long as we are there: a user has to take note of its end.
                    threading.Thread(target=_see_off, args=(started.pid,), daemon=True).start()
        except OrchestratorError as error:
            return self.task(request, error) if task else self.overview(request, error)
        return self._back(request, f"/tasks/{task}" if task else "/")

    def stop(self, request: Request) -> Response:
        """End the run that the page shows, as Ctrl-C would; by now another may be active."""
        form = request.scope["form"]
        try:
            reason = _reason(form, "stop")
            stop(self._layout(request), only=form.get("run", ""), why=f"by {self.caller}: {reason}")
        except OrchestratorError as error:
            return self.overview(request, error, {**form, "asked": "stop"})
        return self._back(request)

    def transition(self, request: Request) -> Response:
        """Move a plan along an arrow of its states."""
        form = request.scope["form"]
        event, layout = form.get("event", ""), self._layout(request)
        try:
            note = _reason(form, event) if event in FINAL_EVENTS else form.get("words", "")
            plans.transition(layout, event, who=self.caller, note=note, now=time.time())
        except OrchestratorError as error:
            return self.overview(request, error, {**form, "asked": event})
        return self._back(request)

    def _back(self, request: Request, here: str = "/") -> Response:
        # Seen after a POST, so that loading the page again does nothing again.
        return RedirectResponse(f"{self._site(request).base}{here}", 303)

    # ── what is not there, and what did not work ─────────────────────────────────────────────────────────────────

    def nothing_here(self, request: Request, _: Any) -> Response:
        """Answer for an address that leads nowhere."""
        return HTMLResponse(trouble_page(self._site(request), Trouble("There is no such page.")), 404)

    def not_by_this(self, request: Request, _: Any) -> Response:
        """Lead from the address of a button, which a browser shows after a refusal, to the page that has it."""
        task, word = (request.path_params.get(name) for name in ("task", "word"))
        if request.method == "POST":
            trouble = Trouble("There is no such button.")
            return HTMLResponse(trouble_page(self._site(request), trouble), 405)
        if word and word not in {*_VERBS, *_KINDS}:
            return self.nothing_here(request, None)
        return self._back(request, f"/tasks/{task}" if task else "/")

    def failed(self, request: Request, error: Any) -> Response:
        """Answer where a page cannot be drawn: the plan is broken, the task is gone."""
        is_page = request.method == "GET"
        # A page that cannot listen to anything asks again and again.
        version = "-" if is_page else ""
        run, since = "", 0.0
        with suppress(OrchestratorError):
            layout = self._layout(request)
            run, since = queries.active_run(layout)
            version = queries.scene_of_plan(layout).version() if is_page else ""
        here = request.url.path.removeprefix(self._site(request).base)
        site = self._site(request, here, version)
        page = trouble_page(site, trouble_of(error), run=run, since=since, now=time.time())
        return HTMLResponse(page, _status(error))


def _trouble(error: OrchestratorError | None) -> Trouble | None:
    return None if error is None else trouble_of(error)


def _reason(form: Mapping[str, str], name: str) -> str:
    """Return why something that cannot be taken back is to be done.

    Raises:
        UsageError: no one said it.
    """
    reason = one_line(form.get("words", "").strip(), 2000)
    if not reason:
        raise UsageError(f"{name}: say why", hint="it cannot be taken back")
    return reason


def _stream(request: Request) -> str:
    return "stderr" if request.query_params.get("stream") == "stderr" else "stdout"


def _status(error: OrchestratorError | None) -> int:
    if error is None:
        return 200
    if isinstance(error, NotFoundError):
        return 404
    if isinstance(error, (TransitionError, CriteriaError)):
        return 409
    return _STATUSES.get(error.exit_status, 400)


def _plugins_of(layout: Layout) -> Plugins:
    return plugins(layout=layout)


def _see_off(pid: int) -> None:
    with suppress(ChildProcessError):  # another user did
        os.waitpid(pid, 0)
