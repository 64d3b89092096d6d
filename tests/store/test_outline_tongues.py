"""Outlines in other languages: a few words for an order are known, and none is passed over without a word."""

from __future__ import annotations

import pytest

from orchestrator.store.draft_file import parse_draft
from tests.store.outlines import needs, read

GERMAN = """# P

## Phase 1: Vorbereitung
- Inhalte sammeln
- Entwurf zeichnen (nach Inhalte sammeln)

## Phase 2: Umsetzung (nach Phase 1)
- Frontend bauen, hängt ab von Entwurf zeichnen
"""


def unheard(text: str) -> list[str]:
    """Every warning of a name that nothing was made of: its line, and what the hint says."""
    found = parse_draft(text.encode(), "o.md")
    assert () == found.problems
    return [
        f"{each.where.removeprefix('o.md:')}: {each.hint.partition('write `')[2].rstrip('`')}"
        for each in found.warnings
        if each.code == "unheard"
    ]


def test_a_german_outline_is_in_order() -> None:
    """What was understood is no part of a name or of what is told about the group."""
    assert {
        "Inhalte sammeln": [],
        "Entwurf zeichnen": ["Inhalte sammeln"],
        "Frontend bauen": ["Entwurf zeichnen", "Inhalte sammeln"],
    } == needs(GERMAN)
    assert ["Part of: Phase 2: Umsetzung"] == read(GERMAN)["tasks"][2]["hints"]
    assert [] == unheard(GERMAN)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("(nach Messen)", ["Messen"]),
        ("nach Schritt 1 und 2", ["Sammeln", "Messen"]),
        ("(nach 1 und dem Messen)", ["Sammeln", "Messen"]),
        (", abhängig von 2", ["Messen"]),
        ("(hängt von 1 ab)", ["Sammeln"]),
        ("– hängt ab von: Messen", ["Messen"]),
        ("\n   Abhängig von: Messen (order)", ["Messen (order)"]),
        ("nach Datum (nach Bedarf)", []),
        ("(nach ISO-9001)", []),
        ("nach 2 Wochen", []),
    ],
)
def test_the_commonest_german_words(phrase: str, expected: list[str]) -> None:
    """In brackets too they are prose where they name nothing."""
    found = needs(f"1. Sammeln\n2. Messen\n3. Bericht schreiben {phrase}\n")
    assert expected == list(found.values())[-1]
    assert list(found)[-1].startswith("Bericht schreiben")
    assert "nach Datum" in list(needs("- Sortieren nach Datum\n"))[-1]


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        (" (依赖 1)", ["收集需求"]),
        ("（依赖：2，收集需求）", ["设计接口", "收集需求"]),
        ("（依赖第1步和第 2 步）", ["收集需求", "设计接口"]),
        ("，依赖收集需求", ["收集需求"]),
        ("，在设计接口之后", ["设计接口"]),
        ("（收集需求完成后）", ["收集需求"]),
        ("（1 之后）", ["收集需求"]),
        ("\n   依赖：设计接口", ["设计接口"]),
        ("（完成后再说）", []),
        ("（依赖很多）", []),
    ],
)
def test_the_commonest_chinese_words(phrase: str, expected: list[str]) -> None:
    """With brackets, commas and colons of both widths, with blanks and without."""
    found = needs(f"1. 收集需求\n2. 设计接口\n3. 编写代码{phrase}\n")
    assert expected == list(found.values())[-1]
    assert ("编写代码" == list(found)[-1]) is bool(expected)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1. Recueillir\n2. Écrire l'API (après 1)\n", ["2: after 1"]),
        ("1. Recueillir\n2. Écrire l'API (après recueillir)\n", ["2: after recueillir"]),
        ("- Construire\n- Tester après Construire\n", ["2: after Construire"]),
        ("- Construire\n- Tester\n  - Dépend de : Construire\n", ["3: after Construire"]),
        ("# P\n## Étape 1\nFaire\n## Étape 2\nDépend de : Étape 1\n", ["4: after Étape 1"]),
        ("1. Recolectar\n2. Probar (depende de 1), tras Recolectar\n", ["2: after 1"]),
        ("# P\n## Fase 1\n- Tekenen\n## Fase 2 (na Fase 1)\n- Bouwen\n", ["4: after Fase 1"]),
        ("- Собрать\n- Проверить, зависит от Собрать\n", ["2: after Собрать"]),
        ("- 要件を集める\n- 公開（要件を集めるの後）\n", ["2: after 要件を集める"]),
        ("- Toplama\n- Yapım (Toplama sonra)\n", ["2: after Toplama"]),
        ("- A-1: Scan\n- Print (dopo A-1)\n", ["2: after A-1"]),
        ("- A-1: Scan the code\n- Send the mail, subsequent to A-1\n", ["2: after A-1"]),
        ("- Scan the code\n- Sort it (upon Scan the code)\n", ["2: after Scan the code"]),
        ("- Scan the code\n- Sort it, given Scan the code\n", ["2: after Scan the code"]),
    ],
)  # fmt: skip
def test_what_names_a_task_and_makes_no_dependency_is_told(text: str, told: list[str]) -> None:
    """Once for each item: a plan in the wrong order would cost more than a look at it."""
    assert told == unheard(text)


ENGLISH = """# Shop

## Design
- API
- Search Page
- Tests
- Frontend (see [the page](docs/Search Page))

## Build (after Design)
1. Implement API
2. Build Search Page (page 1)
3. Test API (Python 3), version 2
4. Login (Frontend)
5. Fix bugs, and then review the search page
6. Login, Signup and Search Page
7. Help with tests (with tests)
8. Work through the list, all of it, for the API
9. Write chapter 1 (at least 2)
10. Write docs for A/Search Page
"""


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH,
        "1. Scan\n2. Sort (page 1)\n3. Print (max 2)\n4. Mail (Python 3)\n",
        "- Scan (before Sort)\n- Sort (after Scan)\n",
        "- Scan\n- Sort (after Scan)\n- Print (after Sort), unlike Scan\n",
        "# P\n## Frontend\n- Login (Frontend)\n- Teil 2\n",
        "1. 编写接口\n2. 测试编写接口\n3. 第一阶段 2\n",
        "- Scan\n- Sort\n  ```\n  x: Scan\n  ```\n",
    ],
)
def test_words_that_only_look_like_a_name_are_left_alone(text: str) -> None:
    """Keywords, counts, links, what is in order anyway, and the words of a sentence."""
    assert [] == unheard(text)


def test_where_a_name_stands_is_told() -> None:
    """With the words it is found in."""
    (told,) = parse_draft("- Dessiner\n- Tester (après Dessiner)\n".encode(), "o.md").warnings
    assert (
        "o.md:2: “après Dessiner” names another task, and makes no dependency",
        "if it is to wait for that, write `after Dessiner`",
    ) == (str(told), told.hint)
