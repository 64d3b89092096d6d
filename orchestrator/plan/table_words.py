"""What people call the columns of a table of tasks, and what they write into cells, in the languages most spoken.

A word here only settles what is sure. Where a header is none of these, its cells decide (``plan_tables``).
"""

from __future__ import annotations


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
    "agent": _words(
        "agent, agente, 代理, エージェント, агент, एजेंट, وكيل, الوكيل, এজেন্ট, agen, ajan"
    ),
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

#: What a cell says that has nothing to say, folded to lower case; an empty one, too.
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

#: Who is no one, in a cell for a person or an agent.
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
