"""The one front door: every session is a step of CI and runs the same by hand.

``nox`` runs what CI runs, in CI's order; ``nox -s lint`` one step; ``nox -R -s tests -- -k retry`` some tests without
installing anything again. Each session has an environment of its own with only what it needs, kept between runs.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml("pyproject.toml")
#: What the package needs, the dashboard included: it is tested like everything else.
RUNTIME = [*PYPROJECT["project"]["dependencies"], *PYPROJECT["project"]["optional-dependencies"]["web"]]
#: What tests call from npm: the Claude Code whose behaviour was measured (tests/real_cli), and what looks for barriers
#: in the pages of the dashboard (tests/web).
NPM = {"@anthropic-ai/claude-code": "2.1.329", "axe-core": "4.14.1"}

nox.needs_version = ">=2025.2"
nox.options.reuse_existing_virtualenvs = True
# Not whatever is there: pip asks the index that this machine has configured for pip.
nox.options.default_venv_backend = "virtualenv"


def install(session: nox.Session, *groups: str, runtime: bool = False) -> None:
    """Install dependency groups, and what the package needs at run time, as constraints.txt pins them."""
    command = nox.project.dependency_groups(PYPROJECT, *groups)
    session.install("-q", "-c", "constraints.txt", *command, *(RUNTIME if runtime else ()))


def install_package(session: nox.Session) -> None:
    """Put the checkout itself on the path, with its console script.

    Without isolation: a build environment of pip's own would ignore the constraints and cost seconds.
    """
    session.install("-q", "--no-deps", "--no-build-isolation", "--editable", ".")


@nox.session
def lint(session: nox.Session) -> None:
    """Style, format, spelling, and a valid pyproject.toml."""
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")
    session.run("validate-pyproject", "pyproject.toml", silent=True)


@nox.session
def architecture(session: nox.Session) -> None:
    """Arrows only go down, and the house rules that no tool knows."""
    install(session, "architecture", "tests", runtime=True)
    session.run("lint-imports")
    session.run("python", "-m", "pytest", "-q", "tests/house")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict, over the package, its tests and its benchmarks."""
    install(session, "typing", "tests", "browser", runtime=True)
    rooms = [room for room in ("orchestrator", "tests", "benchmarks") if (ROOT / room).is_dir()]
    session.run("mypy", *rooms)


@nox.session
def docs(session: nox.Session) -> None:
    """Generated parts of the documentation say what the code says."""
    if not (ROOT / "docs/generate.py").exists():
        session.skip("nothing is generated yet")
    install(session, "build", runtime=True)
    install_package(session)
    session.run("python", "docs/generate.py", *(session.posargs or ["--check"]))


@nox.session
def build(session: nox.Session) -> None:
    """Build it, install the wheel where the checkout cannot be seen, and use it there."""
    install(session, "build")
    with tempfile.TemporaryDirectory() as outside:
        work = Path(outside).resolve()
        # The wheel is made from the sdist, so the sdist is known to be complete.
        session.run("python", "-m", "build", "--no-isolation", "--outdir", outside, silent=True)
        (sdist,), (wheel,) = work.glob("*.tar.gz"), work.glob("*.whl")
        require_package_data(session, wheel)
        session.run("python", "-m", "venv", str(work / "venv"))
        smoke(session, wheel, work)
        accept(session, sdist, work)


def smoke(session: nox.Session, wheel: Path, work: Path) -> None:
    """Start the installed wheel, both ways, in an empty folder.

    Before the test tools are in: they must not bring along a dependency that we forgot to name.
    """
    install_into(session, work, str(wheel))
    (work / "empty").mkdir()
    with session.chdir(work / "empty"):
        for command in ((program(work, "python"), "-m", "orchestrator"), (program(work, "orchestrator"),)):
            session.run(*command, "--version", external=True)
            session.run(*command, "--help", external=True, silent=True)


def accept(session: nox.Session, sdist: Path, work: Path) -> None:
    """Run acceptance tests of the sdist, its package taken away, against the installed wheel."""
    with tarfile.open(sdist) as archive:
        # Older releases of Python 3.11 do not know the filter yet; the archive is the one we just made.
        archive.extractall(work, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))  # noqa: S202
    checkout = work / sdist.name.removesuffix(".tar.gz")
    shutil.rmtree(checkout / "orchestrator")
    if not (checkout / "tests/acceptance").is_dir():
        return
    install_into(session, work, *nox.project.dependency_groups(PYPROJECT, "tests"))
    with session.chdir(checkout):
        # Whether everything is in the wheel; what it does is tested once, in the checkout.
        chosen = [f"tests/acceptance/test_{each}.py" for each in ("running", "examples", "api")]
        session.run(program(work, "python"), "-m", "pytest", "-q", *chosen, external=True)


def install_into(session: nox.Session, work: Path, *what: str) -> None:
    """Install into the fresh environment of ``build``."""
    pinned = ("-c", str(ROOT / "constraints.txt"))
    session.run(program(work, "python"), "-m", "pip", "install", "-q", *pinned, *what, external=True)


def program(work: Path, name: str) -> str:
    """A program of the fresh environment of ``build``."""
    return str(work / "venv" / ("Scripts" if os.name == "nt" else "bin") / name)


def require_package_data(session: nox.Session, wheel: Path) -> None:
    """Fail when a file of the package that is not Python was left out of the wheel."""
    data = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("py.typed", "views/templates/**/*.*", "web/static/*")
        for path in (ROOT / "orchestrator").glob(pattern)
    }
    if "orchestrator/py.typed" not in data or len(data) == 1:
        session.error("orchestrator/py.typed or the templates are missing in the checkout")
    if missing := data - set(zipfile.ZipFile(wheel).namelist()):
        session.error(f"missing in {wheel.name}: {', '.join(sorted(missing))}")


@nox.session
def tests(session: nox.Session) -> None:
    """Every test, with the coverage of what is tested without a process. Arguments after ``--`` go to pytest."""
    run_tests(session)
    floors = ("agents", "core", "cron", "executors", "notifiers", "plan", "scheduler", "store")
    included = ",".join(f"orchestrator/{each}/*" for each in floors)
    report(session, f"--include={included}")


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Every test, with the coverage of every process they start, by hand only: it takes twice as long."""
    run_tests(session, ORCHESTRATOR_TEST_COVERAGE="all")
    report(session)


def run_tests(session: nox.Session, **env: str) -> None:
    """Run the tests, and put the coverage that their processes measured together."""
    install(session, "tests", "browser", "build", runtime=True)
    install_package(session)
    install_npm(session)
    session.run("coverage", "erase")
    # Most tests wait for processes and disks: more of them than processors keep both busy.
    workers = f"--numprocesses={(os.cpu_count() or 1) + 1}"
    pytest = ("pytest", workers, "--dist=loadfile", *session.posargs)
    session.run("coverage", "run", "-m", *pytest, env=env)
    session.run("coverage", "combine", "--quiet")


def report(session: nox.Session, *options: str) -> None:
    """Say how much is covered; less than pyproject.toml asks for is a failure."""
    # Some tests alone cannot cover everything.
    options = (*options, "--fail-under=0") if session.posargs else options
    session.run("coverage", "report", *options)


def install_npm(session: nox.Session) -> None:
    """Put the pinned npm packages into the checkout; where that cannot be, their tests are skipped and say so."""
    missing = {name: version for name, version in NPM.items() if not has_npm(name, version)}
    if "ORCHESTRATOR_TEST_CLAUDE" in os.environ:
        missing.pop("@anthropic-ai/claude-code", None)
    if not missing:
        return
    if shutil.which("npm") is None:
        session.warn("no npm here: tests/real_cli and some of tests/web will be skipped")
        return
    # The program in the package for this platform is complete without the install scripts.
    quiet = ("--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--loglevel=error")
    session.run_install(
        "npm",
        "install",
        *quiet,
        "--prefix=.claude-cli",
        *(f"{name}@{version}" for name, version in NPM.items()),
        external=True,
        success_codes=range(256),
    )
    if still := [name for name, version in missing.items() if not has_npm(name, version)]:
        session.warn(f"not installed: {', '.join(still)}; their tests will be skipped")


def has_npm(name: str, version: str) -> bool:
    """Whether a package lies in the checkout in just this version."""
    package = ROOT / ".claude-cli/node_modules" / name / "package.json"
    return package.exists() and json.loads(package.read_text())["version"] == version


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure; by hand only, never a gate on a machine that others use too. Arguments go to the benchmarks."""
    install(session, "build", runtime=True)
    install_package(session)
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(default=False)
def soak(session: nox.Session) -> None:
    """Try the reliability tests at length, by hand only: ``ORCHESTRATOR_SOAK`` instants (3,000, about an hour)."""
    install(session, "tests", "build", runtime=True)
    install_package(session)
    length = os.environ.get("ORCHESTRATOR_SOAK", "3000")
    chosen = session.posargs or ["tests/reliability"]
    patient = ("-o", "faulthandler_timeout=0", "--maxfail=3")  # one test may take an hour
    session.run("python", "-m", "pytest", *patient, *chosen, env={"ORCHESTRATOR_SOAK": length})
