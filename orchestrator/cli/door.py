"""Where every call comes in: what agents call again and again is answered at once, everything else by ``cli/main.py``.

Loading ``click`` takes three times as long as starting Python, and saying one thing less than half of that. So the
plain form of some commands is read by hand; help, mistakes and everything unusual is left to their full form.
"""

from __future__ import annotations

import codecs
import gc
import importlib
import io
import os
import sys
import warnings

#: Command → module with a function ``quick``: the status of the process; None when the words are not that plain.
_QUICK = {
    **dict.fromkeys(("share", "note", "discover", "sync", "join"), "orchestrator.cli.saying"),
    "add": "orchestrator.cli.adding",
    "list": "orchestrator.cli.listing",
    "run": "orchestrator.cli.foreground",
}

_ESCAPED = "orchestrator.escaped"


def _prepare_streams() -> None:
    """Let nothing that we print raise: not what an encoding lacks, and not a stream that whoever called us closed."""
    codecs.register_error(_ESCAPED, _escape)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            # The number must not go to a file of ours.
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115 - for good
        elif number and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPED)


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Write what an encoding lacks (``PYTHONIOENCODING=latin-1``, an old locale) as JSON would, in JSON and elsewhere.

    Python would raise instead, and a run would end for a tick in the name of a task.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = (units[place : place + 2].hex() for place in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs), error.end


def _show_warning(
    message: Warning | str, category: type[Warning], *_: object, **__: object
) -> None:
    """Print a warning of ours as one line; where others warn (``-X dev``), that is for whoever writes programs."""
    from orchestrator.cli.reply import talk

    talk(f"⚠️ {message}" if category is UserWarning else f"{category.__name__}: {message}")


def _take_words() -> str:
    """Take words in UTF-8 for what they say, whatever the locale thinks of them; return the first that says nothing.

    Its bytes would be dropped from a text, and no file of ours could say a path that has them.
    """
    for place, word in enumerate(sys.argv[1:], start=1):
        try:
            word.encode()
        except UnicodeEncodeError:
            try:
                sys.argv[place] = os.fsencode(word).decode()
            except UnicodeDecodeError:
                return word
    return ""


def main() -> None:
    """Run the command line and exit."""
    try:
        status = _status()
    except KeyboardInterrupt:
        status = 130  # also while we are still being loaded, or say what went wrong
    signals = sys.modules["_signal"]
    while True:
        try:
            # As in `leave`, which is still to be loaded.
            signals.signal(signals.SIGINT, signals.SIG_IGN)
            from orchestrator.cli.reply import leave

            leave(status)
        except KeyboardInterrupt:
            continue  # too late: how it went is known


def _status() -> int:
    """Return the status of a command, whatever comes of it; what went wrong is said."""
    _prepare_streams()
    warnings.showwarning = _show_warning
    # Ours are told, whatever PYTHONWARNINGS says: with `error` a remark would be a failure, with `ignore` nothing.
    warnings.simplefilter("default", UserWarning)
    # A command that is over in the blink of an eye has nothing to collect; `run` turns it on again.
    gc.disable()
    try:
        return _answer()
    except BrokenPipeError:
        return 0  # whoever read our output has seen enough
    except OSError as error:
        from orchestrator.cli.reply import say_refused

        return say_refused(error, as_json="--json" in sys.argv)
    except Exception as error:  # noqa: BLE001 - status 1 would say that a task failed
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise error.__cause__ from None  # Python 3.11 makes something else of it while it makes a class

        from orchestrator.cli.reply import say_unforeseen

        return say_unforeseen(error, as_json="--json" in sys.argv)


def _answer() -> int:
    """Return the status of a command in its plain form; what is not that plain leaves by itself."""
    if strange := _take_words():
        from orchestrator.cli.reply import say_error
        from orchestrator.errors import UsageError

        hint = "say it in UTF-8; `iconv -f latin1 -t utf8` turns an old file into it"
        if os.sep in strange or os.path.lexists(strange):
            hint = "rename what is called so, or go there and leave the name out"
        error = UsageError(f"{strange!a} is not UTF-8 text", hint=hint)
        return say_error(error, as_json="--json" in sys.argv)
    command = next(iter(sys.argv[1:]), "")
    if command in _QUICK and os.name == "posix":  # the full form says what is missing elsewhere
        status = importlib.import_module(_QUICK[command]).quick(command, sys.argv[2:])
        if status is not None:
            return int(status)
    from orchestrator.cli.main import main as commands

    return commands()
