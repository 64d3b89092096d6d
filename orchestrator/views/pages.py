"""Pages of the dashboard: HTML, the frame that all of them have, and markdown as HTML.

Every value is escaped where it is put into a page, whatever it is; what an agent wrote is a text there and never HTML.
Tokens in it are redacted, and control characters dropped, at the same place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.core.duration import format_duration
from orchestrator.core.plan import PlanHeader
from orchestrator.core.plan_status import PlanState
from orchestrator.core.program_name import with_program
from orchestrator.core.redact import redact
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import clip, sanitize
from orchestrator.errors import OrchestratorError, PlanError
from orchestrator.lazy import LazyModule
from orchestrator.views.messages import MESSAGE_ICONS
from orchestrator.views.plans import STATE_ICONS, day, state_label
from orchestrator.views.terminal import ICONS, SHOWN

# ── markdown html ────────
#
# Markdown of agents and people as HTML for a page of the dashboard.
#
# The text is data: HTML in it is shown and not obeyed, an image is a link, a link leads only to the web, and nothing in
# it can style or script the page.

if TYPE_CHECKING:
    import markdown_it
    from markdown_it.token import Token
else:
    markdown_it = LazyModule("markdown_it")

#: The first level of headings that is free: a page has its own title and the title of the section.
_TOP_LEVEL = 3
_ADDRESSES = ("https://", "http://", "mailto:")
#: Blocks and inline elements that may stand in each other; what lies deeper is dropped by the parser.
_DEPTH = 60


def markdown_html(text: str) -> str:
    """Return *text* as HTML. It is made of elements of a fixed set, and every text in it is escaped and redacted."""
    parser = _parser()
    tokens = parser.parse(text)
    levels = sorted({int(each.tag[1]) for each in tokens if each.type == "heading_open"})
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(_TOP_LEVEL + levels.index(int(token.tag[1])), 6)}"
        elif token.type in {"th_open", "td_open"}:
            token.attrs.pop("style", None)  # the content policy of the page forbids it
        elif token.type in {"fence", "code_block"}:
            token.content, token.info = _clean(token.content), ""
        elif token.children:
            _clean_inline(token.children)
    html: str = parser.renderer.render(tokens, parser.options, {})
    return html


def _clean_inline(tokens: list[Token]) -> None:
    kept: list[bool] = []
    for token in tokens:
        token.content = _clean(token.content)
        if token.type == "link_open":
            address = redact(str(token.attrs.get("href", "")))
            kept.append(address.lower().startswith(_ADDRESSES))
            token.attrs = {"href": address, "rel": "noopener noreferrer"}
        is_hidden = token.type in {"link_open", "link_close"} and not kept[-1]
        if token.type == "link_close":
            kept.pop()
        if is_hidden:
            token.type, token.tag, token.nesting, token.content = "text", "", 0, ""
            token.attrs = {}


def _clean(text: str) -> str:
    """Clean a text once more: entities and escapes may have become characters, and pieces a token, only here."""
    return redact(sanitize(text))


@cache
def _parser() -> markdown_it.MarkdownIt:
    parser = markdown_it.MarkdownIt("commonmark", {"html": False, "maxNesting": _DEPTH})
    return parser.enable(["table", "strikethrough"]).disable("image")


if TYPE_CHECKING:
    import jinja2
    import markupsafe
else:
    jinja2 = LazyModule("jinja2")
    markupsafe = LazyModule("markupsafe")


# ── page icons ────────
#
# The icons of the dashboard: shapes of its own, because a machine may have no font with emoji.

#: The character that other views use, and the shape of ``templates/dashboard/icons.html`` in its place.
_SHAPES: Mapping[str, str] = {
    **{icon: state.value for state, icon in STATE_ICONS.items()},
    **{icon: status.value for status, icon in ICONS.items()},
    **{icon: kind.value for kind, icon in MESSAGE_ICONS.items()},
    STATE_ICONS[PlanState.PLANNING]: "note",
    "⚠️": "warning",
    "🛑": "stopping",
    "▶️": "resumed",
}
#: Some fonts and programs leave out the mark that asks for the coloured form.
_COLOURED = "\ufe0f"
_BY_CHARACTER = {icon.rstrip(_COLOURED): shape for icon, shape in _SHAPES.items()}
_ANY = re.compile(f"({'|'.join(map(re.escape, _BY_CHARACTER))}){_COLOURED}?")


def icon_html(shape: str) -> str:
    """Return one icon; *shape* is a status, the kind of a message, or another name in ``icons.html``."""
    return f'<svg class="icon {shape}" aria-hidden="true"><use href="#icon-{shape}"></use></svg>'


def icons_html(line: str) -> str:
    """Return one of our lines, as escaped HTML, with shapes in the place of the characters."""
    return _ANY.sub(lambda found: icon_html(_BY_CHARACTER[found[1]]), line)


_TEMPLATES = os.path.join(os.path.dirname(__file__), "templates", "dashboard")
#: What the fields of a form are called that are options of a command.
_LABELS = {"--depends-on": "After", "--priority": "Priority", "--agent": "Agent", "--assignee": "Assignee"}
#: Problems of a plan that are shown at a time; bytes behind a cut that a token may go on in.
_MOST, _TOKEN = 10, 16 * 1024


class Site(NamedTuple):
    """What a page has to know of where it stands."""

    place: str
    """What every address begins with."""
    static: str
    form: str
    """The word that every form says."""
    caller: str
    """In whose name things are done."""
    plan: str = ""
    """The plan among others that the page is about; empty: the one that the dashboard was started for."""
    directory: str = ""
    """Where that one lies."""
    program: str = "orchestrator"
    """The words that call us in a shell."""
    here: str = ""
    """The address of this page."""
    events: str = ""
    """Where it hears that it is no longer true; empty: nowhere."""
    version: str = ""
    """How the plan looked when this page was begun."""
    is_part: bool = False
    """Only what changes is asked for."""

    @property
    def base(self) -> str:
        """What the addresses of this plan begin with."""
        return f"{self.place}/plans/{self.plan}" if self.plan else self.place


class Trouble(NamedTuple):
    """What did not work, and what to do about it."""

    said: str
    hint: str = ""
    more: Sequence[str] = ()


class StatusStyle(NamedTuple):
    """A status as shown."""

    value: str
    """Its class and its icon."""
    word: str


LOOKS = {status: StatusStyle(status.value, status.value.capitalize()) for status in TaskStatus}
#: A task that a person has in hand has the status of one that runs, but no process.
IN_HAND = StatusStyle("in_hand", "In hand")
#: In a bar what is done comes first, then what happens, what went wrong, what is left.
IN_BAR = (TaskStatus.COMPLETED, *SHOWN)
#: How the state of a plan looks: as that of a task; what is not named is plain.
_STATE_LOOKS = {
    PlanState.COMPLETED: "completed",
    PlanState.FAILED: "failed",
    PlanState.BLOCKED: "blocked",
    PlanState.REJECTED: "cancelled",
}


class Below(NamedTuple):
    """Plans in a directory of plans."""

    rows: Sequence[Mapping[str, object]]
    broken: Sequence[tuple[str, str]]
    is_everything: bool


def trouble_of(error: OrchestratorError) -> Trouble:
    """Return what an error says to people."""
    problems = error.problems[1:] if isinstance(error, PlanError) else ()
    more = [str(each) for each in problems[:_MOST]]
    if len(problems) > _MOST:
        more.append(f"and {len(problems) - _MOST} more")
    option, colon, said = str(error).partition(": ")
    return Trouble(f"{_LABELS.get(option, option)}{colon}{said}", error.hint, more)


def below(
    rows: Sequence[tuple[str, PlanHeader, PlanState, Mapping[TaskStatus, int]]],
    broken: Mapping[str, str],
    *,
    is_everything: bool,
) -> Below:
    """Return the table of plans; *rows* have id, charter, state, and how many tasks stand where."""
    shown = [
        {
            "id": plan_id,
            "state": state_label(state),
            "look": state_look(state, counts),
            "parts": list(bar_parts(counts)),
            "title": plan_header.title,
            "done": counts.get(TaskStatus.COMPLETED, 0),
            "total": sum(counts.values()),
            "priority": plan_header.priority or "–",
            "due": day(plan_header.eta) if plan_header.eta else "–",
        }
        for plan_id, plan_header, state, counts in rows
    ]
    return Below(shown, list(broken.items()), is_everything)


def state_look(state: PlanState, counts: Mapping[TaskStatus, int]) -> str:
    """Return the class of a plan: one with a failed task looks failed, whatever its state says."""
    if counts.get(TaskStatus.FAILED):
        return "failed"
    return _STATE_LOOKS.get(state, "running" if counts.get(TaskStatus.RUNNING) else "")


def bar_parts(counts: Mapping[TaskStatus, int]) -> Iterator[dict[str, object]]:
    """Yield the parts of a bar, from the left: each has a status, where it begins, and how many tasks it stands for."""
    begin = 0
    for status in IN_BAR:
        if count := counts.get(status, 0):
            yield {"status": status.value, "begin": begin, "count": count}
            begin += count


def plans_page(site: Site, name: str, plans: Below, trouble: Trouble | None) -> str:
    """Return the page of a directory that holds plans and is none."""
    return draw("plans.html", site, heading=name, below=plans, trouble=trouble)


def trouble_page(site: Site, trouble: Trouble, *, run: str = "", since: float = 0.0, now: float = 0.0) -> str:
    """Return a page that says why there is no other, and which run is active all the same."""
    return draw(
        "trouble.html",
        site,
        heading="This did not work",
        leaf="–",
        cause=trouble,
        now=now,
        run=run_facts(run, since, now),
    )


def run_facts(run: str, since: float, now: float) -> dict[str, object] | None:
    """Return what a page says of the active run; None where none is."""
    if not run:
        return None
    return {"id": run, "since": since, "took": format_duration(max(now - since, 0.0))}


def refusal(said: str, *, asks: bool) -> str:
    """Return the page for anyone who may not come in; *asks*: with a token they may."""
    return _environment().get_template("refusal.html").render(said=said, asks=asks)


def onward(address: str) -> str:
    """Return a page that only leads to one of our addresses."""
    return _environment().get_template("onward.html").render(address=address)


def draw(template: str, site: Site, *, leaf: str = "", **values: Any) -> str:
    """Fill the template of a page. *leaf* is what it is about, where that is less than a plan."""
    trail = [("orchestrator", f"{site.place}/")]
    trail += [(site.plan, f"{site.base}/")] if site.plan else []
    trail += [(leaf, "")] if leaf else []
    *trail, (here, _) = trail
    for name in ("trouble", "cause"):
        if (trouble := values.get(name)) is not None:
            values[name] = trouble._replace(hint=_typed(site, trouble.hint))
    given = {"trouble": None, "typed": partial(_typed, site), "now": 0.0, "trail": trail, "here": here, **values}
    return _environment().get_template(template).render(site=site, **given)


def capped(text: str, limit: int, file: str) -> dict[str, object]:
    """Return at most *limit* bytes of a text, how many more there are, and the *file* that has them."""
    # Redacted before it is cut, for a token that was cut is no longer known; what is far behind is not looked at.
    head, left = clip(text, limit + _TOKEN)
    shown, more = clip(redact(sanitize(head)), limit)
    return {"text": shown, "left": left + more, "file": file}


def _typed(site: Site, text: str) -> str:
    """Return a text with the commands in it as they can be typed anywhere; they are about the plan of this page."""
    return with_program(text, site.program, lambda _: site.directory)


def prepare() -> None:
    """Have every template compiled before the first page is asked for, which would seem to take as long as that."""
    for name in _environment().list_templates():
        _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.globals["icon"] = _icon
    environment.filters |= {"icons": _icons, "markdown": _markdown}
    return environment


def _icon(shape: str) -> markupsafe.Markup:
    return markupsafe.Markup(icon_html(shape))


def _icons(line: str) -> markupsafe.Markup:
    return markupsafe.Markup(icons_html(str(markupsafe.escape(_shown(line)))))


def _markdown(text: str) -> markupsafe.Markup:
    return markupsafe.Markup(markdown_html(text))


def _shown(value: Any) -> Any:
    """Clean what is put into a page; what our own templates drew is clean already."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return redact(sanitize(value))
    return value
