"""What commands ask of a run: there until it is answered, whoever asks and whoever answers."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.status import COMMANDS, TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.errors import DependencyError, NothingReadyError, OrchestratorError, StoreError
from orchestrator.store.requests import Reply, Requests, new_id


@pytest.fixture
def requests(tmp_path: Path) -> Requests:
    return Requests(str(tmp_path / "requests"))


def command(verb: Verb = Verb.CANCEL, task: str = "T-01", **more: Any) -> TaskCommand:
    """A request as a command makes it."""
    return TaskCommand(verb, task, "bob", 1.5, id=new_id(time.time()))._replace(**more)


def test_nobody_ever_asked(requests: Requests) -> None:
    """Then there is no directory, and nothing to do."""
    assert [] == requests.look()
    requests.sweep()


@pytest.mark.parametrize("verb", COMMANDS)
def test_what_was_asked_is_read(requests: Requests, verb: Verb) -> None:
    """Every word of it."""
    asked = command(verb, note="why\u2028not", answer="# a\n\n---\n", progress=40, run="r1")
    requests.leave(asked)
    assert [asked.id] == requests.look()
    assert asked == requests.read(asked.id)


def test_requests_are_carried_out_in_the_order_in_which_they_were_made(requests: Requests) -> None:
    """Their names begin with a moment."""
    ids = [new_id(timestamp) for timestamp in (2.0, 999_999.9, 1_800_000_000.0, 1_800_000_000.001)]
    for each in reversed(ids):
        requests.leave(command()._replace(id=each))
    assert ids == requests.look()


def test_an_answered_request_is_gone(requests: Requests) -> None:
    """The answer waits for whoever asked."""
    asked = command()
    requests.leave(asked)
    assert None is requests.answer_to(asked.id)
    requests.answer(asked.id, Reply.done("T-01", TaskStatus.CANCELLED))
    assert [] == requests.look()
    reply = requests.answer_to(asked.id)
    assert Reply(True, "T-01", "cancelled", "T-01 is cancelled") == reply
    requests.forget(asked.id)
    assert [] == os.listdir(requests.directory)


def test_whoever_answers_may_die_before_removing_the_request(requests: Requests) -> None:
    """What has an answer is not done again."""
    asked = command()
    requests.leave(asked)
    requests.answer(asked.id, Reply.done("T-01", TaskStatus.CANCELLED))
    requests.leave(asked)
    assert [] == requests.look()
    assert None is requests.read(asked.id)


def test_a_refusal_is_the_same_error_to_whoever_asked() -> None:
    """As if it had been raised in their own process."""
    error = DependencyError("Dependency not DONE: T-01 (pending)", hint="later")
    with pytest.raises(DependencyError) as caught:
        Reply.refused("T-02", error).unwrap()
    assert (error.message, error.hint, error.code) == (caught.value.message, caught.value.hint, caught.value.code)
    with pytest.raises(NothingReadyError) as other:
        Reply.refused("", NothingReadyError("nothing")).unwrap()
    assert 1 == other.value.exit_status
    with pytest.raises(OrchestratorError):
        Reply(is_ok=False, task="", code="a code of a later version").unwrap()


@pytest.mark.parametrize(
    "changed",
    [
        {"verb": "ready"},
        {"task": "../x"},
        {"task": ""},
        {"by": "b\nob"},
        {"time": 1e300},
        {"time": "now"},
        {"progress": "half"},
        {"note": "\ud800"},
        None,
    ],
)
def test_what_makes_no_sense_is_no_request(requests: Requests, changed: dict[str, object] | None) -> None:
    """Agents may write into this directory."""
    raw = [1] if changed is None else {**command()._asdict(), **changed}
    os.makedirs(requests.directory)
    (Path(requests.directory) / "x.request.json").write_text(json.dumps(raw))
    assert ["x"] == requests.look()
    assert None is requests.read("x")


@pytest.mark.parametrize("name", ["x.request.json", "x.answer.json", "x.request.json/y"])
def test_a_directory_in_the_place_of_a_request_is_none(requests: Requests, name: str) -> None:
    """It stays where it is, and nobody is kept from anything by it."""
    asked = command()
    requests.leave(asked)
    place = Path(requests.directory, name)
    place.mkdir(parents=True)
    os.utime(place, (0, 0))
    assert asked.id in requests.look()
    assert None is requests.read("x")
    requests.forget("x")
    requests.sweep()
    assert place.is_dir()
    assert asked == requests.read(asked.id)


def test_nothing_is_asked_or_answered_through_a_link(requests: Requests, tmp_path: Path) -> None:
    """What an agent planted leads no write outside, and ends no run (promise 23)."""
    asked, outside = command(), tmp_path / "outside"
    requests.leave(asked)
    Path(requests.directory).rename(outside)
    Path(requests.directory).symlink_to(outside)
    assert [] == requests.look()
    for write in (requests.leave, lambda it: requests.answer(it.id, Reply.done("T-01", TaskStatus.CANCELLED))):
        with pytest.raises(StoreError, match="it is a link"):
            write(asked)
    requests.forget(asked.id)
    requests.sweep()
    assert [f"{asked.id}.request.json"] == os.listdir(outside)


@given(st.binary())
def test_any_bytes_may_lie_there(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Reading a request never fails."""
    requests = Requests(str(tmp_path_factory.mktemp("requests")))
    (Path(requests.directory) / "x.request.json").write_bytes(data)
    assert None is requests.read("x")


def test_a_look_costs_one_stat_while_nothing_changes(requests: Requests) -> None:
    """Requests in the hands of a run are told only again when the directory changed."""
    requests.leave(command())
    past = time.time() - 10
    os.utime(requests.directory, (past, past))
    assert 1 == len(requests.look())
    assert [] == requests.look()
    requests.leave(command())
    assert 2 == len(requests.look())


def test_what_comes_in_while_it_is_listed_is_seen(requests: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same tick of the file system's clock as what was listed, and however long whoever lists it is kept."""
    clock = [time.time_ns()]
    listed = os.listdir
    requests.leave(command())
    os.utime(requests.directory, ns=(clock[0],) * 2)

    def interrupted(directory: str) -> list[str]:
        names = listed(directory)
        requests.leave(command())
        os.utime(directory, ns=(clock[0],) * 2)
        clock.append(clock[0] + 60_000_000)
        return names

    monkeypatch.setattr(time, "time_ns", lambda: clock[-1])
    with monkeypatch.context() as busy:
        busy.setattr(os, "listdir", interrupted)
        assert 1 == len(requests.look())
    assert 2 == len(requests.look())


def test_what_could_not_be_read_is_looked_at_again(requests: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens it to us changes nothing that its directory would show."""
    asked = seen_a_while_ago(requests)
    with monkeypatch.context() as closed:
        closed.setattr(os, "open", refuse)
        with pytest.raises(StoreError, match="Permission denied"):
            requests.read(asked.id)
    assert [asked.id] == requests.look()
    assert asked == requests.read(asked.id)
    assert [] == requests.look()


def seen_a_while_ago(requests: Requests) -> TaskCommand:
    """Ask for something that was looked at, in a directory in which nothing has happened since."""
    asked = command()
    requests.leave(asked)
    past = time.time() - 10
    os.utime(requests.directory, (past, past))
    assert [asked.id] == requests.look()
    return asked


def refuse(path: str, *_: object, **__: object) -> int:
    """Stand for a system that opens nothing, also to root."""
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def test_what_is_withdrawn_is_carried_out_by_nobody(requests: Requests) -> None:
    """Whoever comes first has it: who asked, or who carries it out."""
    asked, other = command(), command()
    for each in (asked, other):
        requests.leave(each)
    assert requests.take(other.id)
    assert (True, False) == (requests.withdraw(asked.id), requests.withdraw(other.id))
    assert not requests.take(asked.id)
    requests.answer(other.id, Reply.done("T-01", TaskStatus.CANCELLED))
    requests.forget(other.id)
    assert [] == os.listdir(requests.directory)


def test_what_cannot_be_taken_is_looked_at_again(requests: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not carried out, for whoever asked could not know."""
    asked = seen_a_while_ago(requests)
    with monkeypatch.context() as closed:
        closed.setattr(os, "open", refuse)
        with pytest.raises(StoreError, match="Permission denied"):
            requests.take(asked.id)
    assert [asked.id] == requests.look()
    assert requests.take(asked.id)


def test_answers_that_nobody_came_for_are_swept(requests: Requests) -> None:
    """After a while; what was not answered stays."""
    asked, other = command(), command()
    requests.leave(other)
    for each, age in ((asked, 3600), (command(), 0)):
        requests.answer(each.id, Reply.done("T-01", TaskStatus.CANCELLED))
        path = Path(requests.directory) / f"{each.id}.answer.json"
        os.utime(path, (time.time() - age,) * 2)
    requests.sweep()
    assert None is requests.answer_to(asked.id)
    assert 2 == len(os.listdir(requests.directory))
    assert [other.id] == requests.look()
