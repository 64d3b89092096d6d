"""Links of many answers in one document: each leads where it leads in its own answer (promise 24)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestrator.plan.safe_markdown import embed, with_own_labels
from tests.growth import come_back, growth
from tests.plan.test_safe_markdown import check, flat

FRAGMENTS = (
    "[1]", "[1][]", "[text][1]", "[*a* `b` [c]][1]", "[1][2]", "![1]", "![alt][1]", "![alt][]", "[![x][1]][2]",
    "[![1]][1]", "[a](b)", "[1](c d)", "[1](https://inline.example)", "[FOO  Bar]", "[foo\nbar]", "[x][foo bar]",
    "[^1]", "[^1]: a note", "[^1]: https://{}/f", "[^n n]", "[^n n]: https://{}/n", "[x][^1]", "[^a-z]", "[2]:",
    "[1]: https://{}/1", "[1]: https://{}/again", "[2]: <https://{}/2> 'title'",
    "[foo bar]: https://{}/3\n  'more\n  of it'", "[foo]:\n  https://{}/4", "> [1]: https://{}/5",
    "- [2]: https://{}/6", "  [^1]: https://{}/7",
    "[a\\]b]", "[a\\]b]: {}", "`[1]`", "\\[1]", "`", "```", "    [1]", "\t[1]", "> ", "- ", "1. ", "# ", " #",
    "| [1] | `[1]` \\| [2] |\n|---|---|\n",
    "| [1] | [1] |", "===", "*", "_", "(", "]", "[", "!", "[]", "<https://x.y>", "text", " ", "\n", "\n\n", "&#91;1]",
)  # fmt: skip
SOUP = st.lists(st.tuples(st.sampled_from(FRAGMENTS), st.sampled_from(["\n", "\n\n", " ", ""])), max_size=25).map(
    lambda parts: "".join(text + joint for text, joint in parts)
)


def links(text: str) -> list[tuple[str, object, object]]:
    """Where the links and images of a text lead, in order."""
    tokens = flat(MarkdownIt("commonmark").enable("table").parse(text))
    return [
        (token.type, token.attrs.get("href") or token.attrs.get("src"), token.attrs.get("title"))
        for token in tokens
        if token.type in {"link_open", "image"}
    ]


def merged(answers: Sequence[str]) -> str:
    return "\n\n".join(f"## T-0{n}\n\n{answer}" for n, answer in enumerate(answers)) + "\n"


@given(st.lists(SOUP, min_size=1, max_size=3))
def test_every_link_of_a_merged_document_leads_where_it_led(soups: list[str]) -> None:
    """What an answer calls [1] is its own affair, whatever the others call so; what was no link is none."""
    answers = [embed(soup.replace("{}", f"host-{n}")) for n, soup in enumerate(soups)]
    own = [with_own_labels(answer, f"agent-0{n}") for n, answer in enumerate(answers)]
    for n, answer in enumerate(own):
        check(answer)
        if answer.startswith("```text\n"):
            answers[n] = answer
    assert [each for answer in answers for each in links(answer)] == links(merged(own))


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("So [1].\n\n[1]: https://a.example", "So [1][a:1].\n\n[a:1]: https://a.example"),
        ("See [x][Y z], [x][].\n\n[y Z]: b\n[x]: c", "See [x][a:Y z], [x][a:x].\n\n[a:y Z]: b\n[a:x]: c"),
        ("So[^1].\n\n[^1]: A *note*.", "So[^a:1].\n\n[^a:1]: A *note*."),
        ("[1]\n\n> [1]: b\n> [1]: c", "[1][a:1]\n\n> [a:1]: b\n> [a:1]: c"),
        ("| [1] | `a` \\| [1] |\n|---|---|\n\n[1]: b", "| [1][a:1] | `a` \\| [1][a:1] |\n|---|---|\n\n[a:1]: b"),
        ("`[1]` [1]\n\n```\n[1]: c\n```\n[1]: b", "`[1]` [1][a:1]\n\n```\n[1]: c\n```\n[a:1]: b"),
        ("no [1], [^a-z], x[1]: y", "no [1], [^a-z], x[1]: y"),
        ("![x [1]][1]\n\n[1]: b", "```text\n![x [1]][1]\n\n[1]: b\n```"),
        ("```text\n[1]\n[1]: b\n```", "```text\n[1]\n[1]: b\n```"),
    ],
)  # fmt: skip
def test_only_labels_change(answer: str, shown: str) -> None:
    """Definitions and what uses them; code stays as it is, and what cannot be told stands in a fence."""
    assert shown == with_own_labels(answer, "a")


WORST = ("[", "[a](", "[a]: b\n", "![", "*a", "[^1]", "- ", "`")


def linked(piece: str, size: int) -> str:
    return f"{piece * (size // len(piece))}\n\n[1]: b"


@pytest.mark.parametrize("piece", WORST)
def test_the_worst_links_take_linear_time(piece: str) -> None:
    assert growth(lambda size: with_own_labels(linked(piece, size), "a"), 10_000) < 2.5


def test_a_megabyte_of_the_worst_links_comes_back() -> None:
    """Of those that would take long nothing is parsed."""
    many = [linked(piece, 1_000_000) for piece in WORST]
    own = come_back(partial(with_own_labels, owner="a"), many)
    assert all(text in shown for text, shown in zip(many, own, strict=True))
