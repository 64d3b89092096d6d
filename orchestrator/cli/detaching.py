"""``run --detach``; what it needs is loaded when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orchestrator.cli.reply import meant, program, say_json, talk, write

if TYPE_CHECKING:
    from orchestrator.services.plugins import Plugins
    from orchestrator.services.run_request import RunRequest

_WORDS = "orchestrator.words"


class KeepsWords(click.Command):
    """A command that remembers the words it was called with, so that it can be called once more with the same."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_WORDS] = list(args)
        return super().parse_args(ctx, args)


def start_detached(
    context: click.Context,
    order: RunRequest,
    chosen: Plugins,
    *,
    as_json: bool,
    waits: bool,
) -> None:
    """Answer ``run --detach``: the id of a run that goes on without us, and how to follow it.

    Of one that *waits* for its time there is no run yet: the answer is its process.
    """
    from orchestrator.actions.detaching import detach
    from orchestrator.views.brief import command_line
    from orchestrator.wiring import detached

    words: list[str] = context.meta[_WORDS]
    # What it prints is for people who look into the file; and behind `--` a word is no flag.
    flags = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:flags] if word not in {"--detach", "--json"}]
    started = detach(order, chosen, detached, ["run", *kept, *words[flags:]], waits=waits)
    if waits:
        end_it = command_line(program(), "stop", meant())
        if as_json:
            say_json(started.said, run="", pid=started.pid, log=started.log, next=end_it)
            return
        write(f"{started.pid}\n")
        talk(f"{started.said}\nto end it: {end_it}")
        return
    follow_it = command_line(program(), "wait", meant())
    if as_json:
        say_json(
            f"run {started.run} goes on by itself",
            run=started.run, pid=started.pid, log=started.log, next=follow_it,
        )  # fmt: skip
        return
    write(f"{started.run}\n")
    talk(f"next: {follow_it}")
