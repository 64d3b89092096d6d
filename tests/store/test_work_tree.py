"""What lies in the work directory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from orchestrator.core.changes import Scan
from orchestrator.store import work_tree
from orchestrator.store.work_tree import scan_files


def make(directory: Path, paths: Iterable[str]) -> None:
    for path in paths:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(path, encoding="utf-8")


def seen(directory: Path, spared: str = "") -> set[str]:
    scan = scan_files(str(directory), spared or str(directory / ".plan"))
    assert isinstance(scan, Scan)
    return set(scan.files)


def test_what_is_left_out(tmp_path: Path) -> None:
    """Git's own, plan directories, pipes; a link is scanned, and not what it leads to."""
    make(tmp_path, [".git/HEAD", "a/.git/x", ".orchestrator/plan.md", "plan/master_plan.md", "a/b", "c"])
    (tmp_path / "link").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / "pipe")
    assert {"a/b", "c", "link"} == seen(tmp_path, str(tmp_path / "plan"))


def test_what_git_ignores(tmp_path: Path) -> None:
    make(tmp_path, ["a.log", "keep.log", "deep/a.log", "build/x", "deep/build/x", "out", "deep/out/x", "doc/a/b/x.pdf"])
    make(tmp_path, ["deep/er/kept", "deep/er/z", "#x", "n1", "nx", "end.", "sp ace"])
    rules = ["# comment", "", "*.log", "!keep.log", "/build/", "out/", "doc/**/*.pdf", "n[0-9]", "\\#x", "end."]
    (tmp_path / ".gitignore").write_text("\n".join(rules), encoding="utf-8")
    (tmp_path / "deep/er/.gitignore").write_text("*\n!kept\n", encoding="utf-8")
    assert {".gitignore", "keep.log", "deep/build/x", "out", "nx", "sp ace", "deep/er/kept"} == seen(tmp_path)


@pytest.mark.parametrize("rule", ["[", "[z-a]", "[]", "!", "/", "\\", "**"])
def test_a_rule_that_is_none(tmp_path: Path, rule: str) -> None:
    (tmp_path / ".gitignore").write_text(f"{rule}\n", encoding="utf-8")
    make(tmp_path, ["x/y"])
    assert seen(tmp_path) <= {".gitignore", "x/y"}


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).write_text("x", encoding="utf-8")
    assert {"\\udcff"} == seen(tmp_path)


def test_too_much_to_look_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, map(str, range(20)))
    monkeypatch.setattr(work_tree, "MOST_FILES", 10)
    assert f"{tmp_path} holds more than 10 files" == scan_files(str(tmp_path), "")
    monkeypatch.setattr(work_tree, "MOST_SECONDS", -1.0)
    monkeypatch.setattr(work_tree, "MOST_FILES", 100)
    assert "takes longer than" in str(scan_files(str(tmp_path), ""))
    assert f"{tmp_path}/none cannot be read" == scan_files(f"{tmp_path}/none", "")


def test_a_change_of_any_kind_is_seen(tmp_path: Path) -> None:
    """Also one that leaves size and time as they were."""
    make(tmp_path, ["a", "b"])
    before = scan_files(str(tmp_path), "")
    kept = os.stat(tmp_path / "a")
    (tmp_path / "new").write_text("x", encoding="utf-8")
    os.utime(tmp_path / "new", ns=(kept.st_atime_ns, kept.st_mtime_ns))
    os.replace(tmp_path / "new", tmp_path / "a")
    after = scan_files(str(tmp_path), "")
    assert isinstance(before, Scan)
    assert isinstance(after, Scan)
    assert before.files["a"] != after.files["a"]
    assert before.files["b"] == after.files["b"]
