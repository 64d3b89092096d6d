"""Which column of a table means what, and how its cells are read: the spellings of the seeds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from orchestrator.core.ids import similar_name
from orchestrator.core.plan import TASK_ID

# ── table words ────────
#
# What people call the columns of a table of tasks, and what they write into cells, in the languages most spoken.
#
# A word here only settles what is sure. Where a header is none of these, its cells decide (``plan_tables``).


def _words(text: str) -> frozenset[str]:
    """Return the words of a list with commas."""
    return frozenset(" ".join(word.split()) for word in text.split(","))


#: Columns whose header may name a unit in parentheses.
UNITS = frozenset({"estimate", "deadline"})
#: Words of a header by the meaning of its column; letters and digits count, case and accents do not.
HEADERS = {
    "id": _words(
        """
        id, task id, nr, no, no., num, numéro, número, nummer, 编号, 編號, 序号, 番号, 번호,
        номер, №, क्रमांक, आईडी, رقم, المعرف, নং, আইডি, نمبر, nomor, numero, sıra, kimlik
        """
    ),
    "number": _words("#"),
    "task": _words(
        """
        task, aufgabe, 任务, 任務, tâche, tarea, tarefa, タスク, 작업, задача, कार्य, مهمة,
        المهمة, কাজ, কার্য, کام, tugas, compito, attività, görev, taak, zadanie
        """
    ),
    "name": _words(
        """
        name, task name, title, titel, nombre, título, nome, titre, nom, 名称, 标题, 名前,
        название, नाम, اسم, الاسم, নাম, nama, judul, titolo, başlık, 이름
        """
    ),
    "description": _words(
        """
        description, task description, details, beschreibung, 描述, 说明, descripción,
        descrição, 説明, описание, विवरण, وصف, الوصف, বিবরণ, تفصیل, deskripsi, descrizione,
        açıklama, 설명
        """
    ),
    "needs": _words(
        """
        needs, dependencies, deps, dep, depends on, depends upon, dependency, depends,
        dependent on, blocked by, after, predecessors, predecessor, prerequisites, prerequisite,
        pre-requisites, prereqs, prereq, requires, blockers, blocker, waits for, waiting for,
        waiting on, upstream, abhängigkeiten, abhängigkeit, abhängig von, hängt ab von,
        vorgänger, voraussetzungen, braucht, wartet auf, nach, dépendances, dépendance,
        dépend de, prérequis, après, dependencias, dependencia, depende de, requisitos,
        después de, dependências, dependência, pré-requisitos, 依赖, 依賴, 依赖项, 依赖任务,
        前置, 前置任务, 前置条件, 依存, 依存関係, 依存先, 前提, 前提タスク, зависимости,
        зависит от, зависимость, निर्भरता, निर्भर, पर निर्भर, يعتمد على, التبعيات, تبعيات,
        الاعتماديات, নির্ভরতা, নির্ভরশীল, انحصار, منحصر, dependensi, ketergantungan,
        bergantung pada, dipendenze, dipendenza, dipende da, prerequisiti, bağımlılıklar,
        bağımlılık, 의존성, 선행 작업, afhankelijkheden, afhankelijk van, zależności, zależy od
        """
    ),
    "blocks": _words(
        """
        blocks, unblocks, required by, needed by, depended on by, dependents, dependants,
        successors, successor, precedes, followed by, enables, downstream, blockiert,
        nachfolger, bloque, bloquea, bloqueia, 后置任务, 后续任务, блокирует, blocca, memblokir
        """
    ),
    "agent": _words("agent, agente, 代理, エージェント, агент, एजेंट, وكيل, الوكيل, এজেন্ট, agen, ajan"),
    "assignee": _words(
        """
        assignee, assigned to, owner, responsible, zuständig, verantwortlich, responsable,
        responsável, 负责人, 担当, 担当者, ответственный, исполнитель, जिम्मेदार, المسؤول,
        দায়িত্ব, penanggung jawab, responsabile, sorumlu, 담당자
        """
    ),
    "parent": _words("parent, umbrella"),
    "tags": _words("tags, tag"),
    "type": _words("type, kind"),
    "priority": _words(
        """
        priority, prio, priorität, 优先级, 優先度, 優先級, priorité, prioridad, prioridade,
        приоритет, प्राथमिकता, أولوية, الأولوية, অগ্রাধিকার, ترجیح, prioritas, priorità, öncelik,
        우선순위, prioriteit, priorytet
        """
    ),
    "estimate": _words(
        """
        estimate, est time, estimated time, est, aufwand, schätzung, estimación,
        tiempo estimado, estimation, durée estimée, estimativa, tempo estimado, 预计时间,
        预估时间, 估时, 工时, 所要時間, 見積, 見積もり, оценка, оценка времени, अनुमान,
        अनुमानित समय, التقدير, الوقت المقدر, অনুমান, আনুমানিক সময়, تخمینہ, estimasi,
        estimasi waktu, stima, tempo stimato, tahmin, tahmini süre, 예상 시간
        """
    ),
    "deadline": _words(
        """
        deadline, due, due date, frist, fällig, 截止日期, échéance, fecha límite, prazo, 期限,
        срок, tenggat, scadenza, 마감일
        """
    ),
    "expected": _words("expected, expected output, output"),
    "condition": _words("if, when, condition, conditions, only if, run when"),
    "run_if": _words("run if, trigger rule"),
    "foreach": _words("for each, foreach, items"),
    "matrix": _words("matrix"),
    "max_concurrent": _words("max concurrent, maxconcurrent"),
    "on_failure": _words("on failure, failure handling"),
    "fallback_for": _words("fallback for, stands in for"),
    # Settings of a task that a row may say (``ROW_SETTINGS``).
    "task_pools": _words("pools, pool, resource pool, resource pools"),
    "concurrency": _words("concurrency, concurrency group, mutex"),
    "writes": _words("writes, writes to, files written, output files"),
    "memory": _words("memory, free memory, ram"),
    "status": _words(
        """
        status, state, stand, 状态, 狀態, état, statut, estado, 状態, статус, स्थिति, الحالة,
        حالة, অবস্থা, حالت, stato, durum, 상태
        """
    ),
    "done": _words(
        """
        done, completed, finished, complete, erledigt, fertig, 完成, hecho, terminé, готово
        """
    ),
    "start": _words("start, start time"),
    "end": _words("end, end time"),
}

#: Settings that a row says in a column of their own; each is read as it is in a task file.
ROW_SETTINGS = ("task_pools", "concurrency", "writes", "memory")
#: Columns that decide whether, and when, a task runs: a header that is nearly one of these is refused.
DECISIVE = ("condition", "run_if", "fallback_for", *ROW_SETTINGS)

#: Cells that mean "nothing", in lower case; an empty cell, too.
NONE = {""} | _words(
    """
    none, none., not applicable, not needed, not required, not blocked, -, --, ---, —, –, n/a,
    n.a., nothing, nil, null, ∅, ✗, ×, keine, keine., keiner, keines, nichts, aucun, aucune,
    rien, néant, ninguna, ninguno, nada, nenhum, nenhuma, nessuna, nessuno, niente, 无, 無,
    没有, 无依赖, 無依賴, 没有依赖, 不依赖, なし, ない, 依存なし, 特になし, 없음, нет, ничего,
    нет зависимостей, без зависимостей, कोई नहीं, नहीं, لا شيء, لا يوجد, لا, নেই, কিছুই না,
    کوئی نہیں, tidak ada, yok, hiçbiri, geen, brak
    """
)

#: Words that say in a cell of dependencies that there are none, alone or with a word of its header.
NOTHING = _words(
    """
    none, no, nothing, without, nil, keine, keiner, kein, nichts, ohne, aucune, aucun, rien,
    pas, sans, ninguna, ninguno, nada, sin, nenhuma, nenhum, sem, nessuna, nessuno, niente,
    senza, нет, без, 无, 無, 没有, なし, 없음, कोई, नहीं, لا, يوجد, توجد, شيء, কোনো, কোন, নেই,
    کوئی, نہیں, tidak, ada, tanpa, yok, hiçbiri, geen, brak
    """
)

#: Words that say that a task may begin; more than these, and those of ``NOW``, may name what it waits for.
START = _words("start, starts, first, begin, begins, immediately, independent, ready, sofort")
NOW = _words("can, may, now, right, away, at, once, yet, so, far, needed, required")

#: Words between ids that say nothing more than that.
FILLERS = _words(
    """
    task, tasks, and, then, •, ·, after, on, depends, needs, requires, the, both, first, ->, →,
    &, und, nach, aufgabe, aufgaben, et, après, tâche, tâches, y, después, de, tarea, tareas, e,
    após, tarefa, tarefas, и, после, задача, задачи, 和, 与, 及, 任务, と, dan, setelah, ve,
    dopo, और, و, اور, এবং, ও
    """
)

#: Between the two ends of a range.
TO = _words(
    """
    to, through, thru, until, bis, à, hasta, até, по, до, 到, 至, –, —, .., …
    """
)

#: Phrases for every row above, for every other one, and for the row directly above.
ALL_ABOVE = _words(
    """
    all above, all of the above, everything above, all the above, all previous,
    all previous tasks, all prior, all earlier, all earlier tasks, all tasks above,
    all prior tasks, alle oben, alle vorigen, 以上全部, 以上所有
    """
)
ALL_OTHERS = _words(
    """
    all, all tasks, all others, all other tasks, everything, everything else, all of them, alle,
    全部
    """
)
ABOVE = _words(
    """
    previous, previous task, the previous task, above, the one above, task above, ↑
    """
)

#: Words that mean "no one" in a cell for a person or an agent.
NOBODY = _words(
    """
    unassigned, not assigned, tbd, tba, tbc, anyone, anybody, any, nobody, no one, noone, open,
    free, vacant, whoever, ?, ??, ???, niemand, offen, personne, nadie, ninguém, nessuno, никто,
    待定, 未分配, 未定, 無し, कोई भी, لا أحد, belum ada, kimse
    """
)

#: The id of a row that adds up the rows above it.
TOTALS = _words(
    """
    total, totals, sum, subtotal, grand total, overall, σ, ∑, summe, gesamt, insgesamt,
    gesamtsumme, 合计, 總計, 总计, 小计, 合計, 計, suma, totale, somme, totaux, totales, soma,
    totais, итого, всего, कुल, योग, المجموع, الإجمالي, مجموع, মোট, جمع, کل, jumlah, toplam,
    합계, totaal, razem
    """
)

#: What a Status cell says of a task that is still to be done, or is being done.
OPEN = {""} | _words(
    """
    todo, to do, not started, not yet started, open, new, planned, backlog, ready, next,
    pending, waiting, queued, scheduled, in progress, started, running, wip, ongoing, doing,
    assigned, retrying, draft, active, tbd, no, false, 0%, 0 %, [ ], ☐, ⬜, offen, ausstehend,
    in arbeit, geplant, à faire, en cours, pendiente, por hacer, en curso, pendente, a fazer,
    em andamento, 待办, 待处理, 未开始, 进行中, 未着手, 進行中, не начато, в работе, ожидает,
    लंबित, जारी, معلق, قيد التنفيذ, মুলতুবি, চলমান, زیر التواء, belum mulai, sedang dikerjakan,
    da fare, in corso, bekliyor, devam ediyor, 예정, 진행 중, 🟡, 🔵, 🔄, ⏳, 🚧
    """
)

_LINK = re.compile(r"\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])")
_ID_LINK = re.compile(r"\[{1,2}([^\[\]]*)\]{1,2}(?:\([^()]*\)|\[[^\[\]]*\])?")
# Around the whole: of `**a** and **b**` each mark has its own partner. One of underscores may stand in a word.
_EMPHASIS = re.compile(r"(\*{1,3}|`{1,2})((?:(?!\1).)+)\1|(_{1,3})((?:(?!\3\W).)+)\3")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,;&+→，、；]+")
# Emoji are symbols followed by selectors and joiners. A plain letter or digit is never one.
_PICTURE = frozenset({"So", "Sk", "Cf"})
_SELECTORS = "\ufe0e\ufe0f\u20e3"
_AND = frozenset({"and", "->"})
# Between two ids it may mean what lies between them, too. At the beginning of a line, it is that of a list.
_TO = re.compile(r"(?<=[^\s,;，、；]) +[-–—]+ +(?=[^\s,;，、；])")
_KINDS = {"data": "data", "order": "order", "sequential": "order", "resource": "resource"}
_KIND = re.compile(rf"\(\s*({'|'.join(_KINDS)})\s*\)", re.IGNORECASE)


class Columns(NamedTuple):
    """Where in its rows a table has what; None for what it does not have."""

    id: int | None = None
    name: int | None = None
    description: int | None = None
    needs: int | None = None
    blocks: int | None = None
    """Tasks that wait for the one of the row: dependencies, written from the other end."""
    agent: int | None = None
    assignee: int | None = None
    tags: int | None = None
    expected: int | None = None
    status: int | None = None
    done: int | None = None
    start: int | None = None
    end: int | None = None
    others: tuple[tuple[int, str], ...] = ()
    """Columns without a known meaning, with their headers."""
    fields: tuple[tuple[str, int], ...] = ()
    """Where the other fields of a task are, by name (``task_fields``)."""

    def at(self, role: str) -> int | None:
        """Return where the column of this meaning is."""
        if role in _STRUCTURE:
            column: int | None = getattr(self, role)
            return column
        return dict(self.fields).get(role)

    @property
    def has_text(self) -> bool:
        """Whether a row says what is to be done."""
        return self.name is not None or self.description is not None

    @property
    def is_task_table(self) -> bool:
        """Whether every row is a task: it has an id, a text and dependencies."""
        return self.id is not None and self.has_text and self.has_order

    @property
    def has_order(self) -> bool:
        """Whether it says what waits for what."""
        return self.needs is not None or self.blocks is not None

    @property
    def is_assignment_table(self) -> bool:
        """Whether it only says who does a task and how far it is (seed 002, "Agent Assignment")."""
        news = (self.agent, self.assignee, self.status)
        has_news = any(column is not None for column in news)
        return self.id is not None and has_news and not self.has_text and not self.has_order


#: The columns that decide what a table is, and how its rows are read.
_STRUCTURE = frozenset(Columns._fields) - {"others", "fields"}
#: Columns that are read; no person wrote a table with more.
_MOST_COLUMNS = 1000


def read_header(header: Sequence[str]) -> Columns:
    """Return what the columns of a table mean; of two columns with one meaning the first has it."""
    header = header[:_MOST_COLUMNS]
    found: dict[str, int] = {}
    for index, cell in enumerate(header):
        if role := role_of(cell):
            found.setdefault(role, index)
    if "id" not in found and "number" in found:
        found["id"] = found.pop("number")
    if "task" in found:
        if "id" not in found and ("name" in found or "description" in found):
            found["id"] = found.pop("task")
        elif "name" not in found:
            found["name"] = found.pop("task")
        elif key_word(header[found["name"]]) != "taskname":  # beside that it is a number or a group
            found.setdefault("description", found.pop("task"))
    known = {role: index for role, index in found.items() if role not in {"number", "task"}}
    others = tuple((index, plain(cell)) for index, cell in enumerate(header) if index not in known.values())
    fields = tuple((role, index) for role, index in known.items() if role not in _STRUCTURE)
    own = {role: index for role, index in known.items() if role in _STRUCTURE}
    return Columns(others=others, fields=fields, **own)


#: Roles whose header may have a remark in parentheses: of an estimate it would be its unit.
_REMARKED = frozenset(HEADERS) - UNITS - {"number"}
_REMARK = re.compile(r"\s*[(\[（].*[)\]）]\s*$")
#: What a header of dependencies may say besides: ``Prerequisite Tasks``, ``Dependency IDs``.
_OF_TASKS = frozenset({"task", "tasks", "id", "ids"})
#: Letters that a header of dependencies has at least, to be known although one of them is wrong.
_LONG = 8


def role_of(header: str) -> str:
    """Return the meaning of a column by its header; empty for an unknown header."""
    word = key_word(header)
    if role := _role_of().get(word):
        return role
    role = _role_of().get(key_word(_REMARK.sub("", plain(header))), "")
    if role in _REMARKED:
        return role
    words = plain(header).split()
    rest = " ".join(each for each in words if key_word(each) not in _OF_TASKS)
    if (role := _role_of().get(key_word(rest), "")) in {"needs", "blocks"}:
        return role
    # A slip of the fingers in it must not start everything at once.
    known = [each for each, role in _role_of().items() if role == "needs" and len(each) >= _LONG]
    return "needs" if len(word) >= _LONG and similar_name(word, known) else ""


@cache
def _role_of() -> dict[str, str]:
    return {key_word(word): role for role, words in HEADERS.items() for word in words}


def more_needs(columns: Columns) -> str:
    """Return the header of a second column of dependencies; empty when there is none."""
    headers = (header for _, header in columns.others)
    return next((each for each in headers if role_of(each) == "needs"), "")


def key_word(header: str) -> str:
    """Return what a header or heading comes down to: its letters and digits, in lower case, without accents."""
    text = plain(header)
    if text == "#":
        return text
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    return "".join(char for char in text.casefold() if char.isalnum())


def plain(cell: str) -> str:
    """Return a cell without emphasis, backticks, links and emoji around its words."""
    if not cell or (cell.isascii() and (cell.isalnum() or TASK_ID.fullmatch(cell))):
        return cell
    text = _bare(_LINK.sub(r"\1", cell))
    if text.isascii():
        return text
    return _bare(text.strip("".join({char for char in text if _is_picture(char)}) + " "))


def _bare(text: str) -> str:
    """Take off emphasis and backticks, as many layers as a person would write."""
    for _ in range(4):
        text = text.strip()
        wrapped = _EMPHASIS.fullmatch(text)
        if wrapped is None:
            break
        text = wrapped[2] or wrapped[4]
    return text


def without_pictures(text: str) -> str:
    """Return a text without emoji, wherever they stand; a number in a box becomes a number."""
    return text if text.isascii() else "".join(" " if _is_picture(each) else each for each in text)


def _is_picture(char: str) -> bool:
    return not char.isascii() and (unicodedata.category(char) in _PICTURE or char in _SELECTORS)


def is_none(cell: str) -> bool:
    """Whether a cell says that there is nothing: empty, ``None``, ``-`` and the like."""
    return cell.casefold() in NONE


def read_id(cell: str) -> str:
    """Return the task id in a cell; it may stand in backticks, in emphasis or in a link."""
    if not cell or TASK_ID.fullmatch(cell):
        return cell
    text = _bare(_ID_LINK.sub(r"\1", cell))
    return _ESCAPE.sub(r"\1", text)


def read_needs(cell: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the ids in a cell of dependencies, each once, in order; and those that are not of kind ``data``.

    ``T-01, T-02 (order), T-03 (resource)``: a kind belongs to the id before it.
    """
    if not cell or TASK_ID.fullmatch(cell):
        return ((), ()) if is_none(cell) else ((cell,), ())
    text = _BREAK.sub("\n", cell).replace("`", "").replace("*", "")
    text = _ID_LINK.sub(r"\1", _TO.sub("–", text))
    if "(" in text:
        text = _KIND.sub(lambda found: f" ({_KINDS[found[1].casefold()]}) ", text)
    needs: dict[str, str] = {}
    latest = ""
    for word in _BETWEEN.split(text):
        if latest and word[1:-1] in _KINDS and word == f"({word[1:-1]})":
            needs[latest] = word[1:-1]
        elif word not in _AND and not is_none(task_id := read_id(word)):
            needs.setdefault(task_id, "data")
            latest = task_id
    return tuple(needs), tuple((need, kind) for need, kind in needs.items() if kind != "data")


def read_tags(cell: str) -> tuple[str, ...]:
    """Return the words in a cell of tags, each once, in order; a ``#`` before one belongs to no name."""
    if not cell:
        return ()
    words = _BETWEEN.split(plain(_BREAK.sub(" ", cell)).replace("`", ""))
    return tuple(dict.fromkeys(tag for word in words if not is_none(tag := word.lstrip("#"))))


def is_open(cell: str) -> bool:
    """Whether a Status cell says that its task is still to be done, or being done: it is empty, or a word for that."""
    text = cell.strip().casefold()
    return is_none(text) or text in OPEN or (plain(text) or "?").strip(" .") in OPEN


def read_person(cell: str) -> str:
    """Return who a cell names, a person or an agent; ``@kim`` is kim, and ``Unassigned`` is no one."""
    name = read_label(cell)
    return "" if name.casefold().strip(" .()") in NOBODY else name.removeprefix("@")


def read_label(cell: str) -> str:
    """Return the text of a cell such as Agent or Priority; empty when it says that there is nothing."""
    text = plain(cell)
    return "" if is_none(text) else _ESCAPE.sub(r"\1", text)
