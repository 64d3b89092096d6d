"""Whether an account is held, from results alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.result import Attempt, Result
from orchestrator.core.snapshot import Held, held
from orchestrator.core.status import TaskStatus

P = TaskStatus.PENDING


def attempt(status: str, started: float, *, ended: float = 0.0, until: float = 0.0) -> Attempt:
    end = ended or started + 1.0
    return Attempt(1, 1, status=status, reason="why", started=started, ended=end, until=until)


def result(*attempts: Attempt, status: TaskStatus = P, task: str = "T-01", agent: str = "claude") -> Result:
    return Result(task=task, agent=agent, status=status, attempts=attempts)


def limited(started: float, until: float = 100.0) -> Result:
    return result(attempt("held", started, until=until), task=f"T-{started}")


def test_the_attempt_that_was_held_says_so() -> None:
    """Until when, and why."""
    assert [Held("claude", 100.0, "why", "T-1.0")] == held([limited(1.0)])


def test_nothing_is_held_without_attempts() -> None:
    """A plan that was never run, or never held."""
    assert [] == held([])
    assert [] == held([result(), result(attempt("failed", 1.0), status=TaskStatus.FAILED)])


def test_the_last_hold_counts() -> None:
    """Whatever the order of the results."""
    results = [limited(1.0, until=50.0), limited(8.0, until=90.0), limited(3.0, until=70.0)]
    assert [90.0] == [each.until for each in held(results)]
    assert [90.0] == [each.until for each in held(reversed(results))]


def test_whatever_began_after_it_and_got_through_ends_it() -> None:
    """Also while it still runs, and also when it failed for a reason of its own."""
    for status in ("running", "completed", "failed", "interrupted"):
        assert [] == held([limited(1.0), result(attempt(status, 5.0), task="T-02")])


def test_what_was_under_way_already_does_not() -> None:
    """It was let through before the account was shut."""
    assert 1 == len(held([limited(1.0), result(attempt("completed", 1.5), task="T-02")]))


def test_what_is_held_for_one_model_stays_so_whatever_others_get_through() -> None:
    """Until its moment, or until the task that met it is let through."""
    model = attempt("held", 1.0, until=100.0)._replace(model="opus")
    later = result(attempt("completed", 5.0), task="T-02")
    (hold,) = held([result(model), later])
    assert ("claude (opus)", 100.0, True, False) == (
        hold.name, hold.until, hold.lasts(99.0), hold.lasts(100.0),
    )  # fmt: skip
    assert [] == held([result(model, attempt("completed", 101.0)), later])


def test_an_outage_needs_no_person_and_has_no_moment() -> None:
    """Whoever tries again finds out whether it is over."""
    down = attempt("held", 1.0)._replace(is_outage=True)
    (hold,) = held([result(down)])
    assert (False, True) == (hold.needs_person, hold.lasts(1e12))
    (hold,) = held([result(attempt("held", 1.0))])
    assert hold.needs_person


def test_every_agent_has_its_own() -> None:
    """What one gets through says nothing of the other."""
    other = result(attempt("completed", 9.0), task="T-02", agent="shell")
    assert ["claude"] == [each.agent for each in held([limited(1.0), other])]


def test_a_result_that_was_removed_takes_its_hold_along() -> None:
    """So a person opens an account; and a task that was tried again since says what its newest attempt met."""
    again = result(attempt("held", 1.0, until=100.0), attempt("completed", 200.0))
    assert [] == held([again._replace(status=TaskStatus.COMPLETED)])


def test_a_task_that_is_given_up_holds_nobody() -> None:
    """A person cancelled it."""
    assert [] == held([limited(1.0)._replace(status=TaskStatus.CANCELLED)])


def test_a_task_that_somebody_brought_back_lifts_the_hold() -> None:
    """Of all that met it, also later ones; what meets the limit after that holds the account again."""
    results = [result(attempt("held", 1.0, until=60.0))._replace(note="retry by ann"), limited(8.0)]
    assert [60.0] == [each.until for each in held(results)]
    assert [100.0] == [each.until for each in held([*results, limited(70.0)])]


histories = st.lists(
    st.builds(
        lambda status, started, until, agent, place: result(
            attempt(status, float(started), until=float(until)), task=f"T-{place}", agent=agent
        ),
        st.sampled_from(["held", "completed", "failed", "running"]),
        st.integers(1, 20),
        st.integers(0, 100),
        st.sampled_from(["claude", "other"]),
        st.integers(),
    ),
    max_size=8,
)


@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_results_does_not_matter(results: list[Result], random: object) -> None:
    """At most one hold for each agent; none where the newest thing of an agent got through."""
    found = held(results)
    assert len({each.agent for each in found}) == len(found)
    for agent in ("claude", "other"):
        mine = [one.attempts[-1] for one in results if one.agent == agent]
        holds = [each for each in mine if each.status == "held"]
        newest = max((each.started for each in mine if each.status != "held"), default=0.0)
        is_held = bool(holds) and max(each.ended for each in holds) > newest
        assert is_held == any(each.agent == agent for each in found)
    shuffled = list(results)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert {each.agent for each in held(shuffled)} == {each.agent for each in found}
