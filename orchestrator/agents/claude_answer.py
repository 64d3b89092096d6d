"""What in a stream of ``claude`` is the answer: the last words of the model, and nothing that the CLI wrote itself.

The place of a text decides first: which turn it stands in, who wrote that turn, whether a tool was called after it.
Words that are known count only where the place says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from orchestrator.core.text import is_blank, text_of

#: The model of what the CLI writes itself, an error for instance.
SYNTHETIC = "<synthetic>"
#: Characters of one turn that are kept.
_LONGEST_TURN = 4 * 1024 * 1024
#: What the CLI writes where there is no answer. It may stand in a turn of the model: models repeat it.
_PLACEHOLDER = re.compile(
    r"[(\[]no (?:content|response|output)[)\]]|no response requested\.?|\[request interrupted by user[^\]]*\]",
    re.IGNORECASE,
)
#: The same, only where no turn of the model has it.
_OWN_WORDS = re.compile(
    r"API Error\b.*|execution error|interrupted(?: by user)?\.?"
    r"|(?:the )?(?:request|operation) (?:was )?(?:aborted|canceled|cancelled|interrupted|timed out)\.?"
    r"|\[your previous response had no visible output[^\]]*\]",
    re.IGNORECASE | re.DOTALL,
)
#: How the service ends a turn that is not whole.
_CUT = frozenset({"max_tokens", "refusal", "pause_turn", "model_context_window_exceeded"})


class Ending(NamedTuple):
    """One ``result`` event, and what the model had said until then."""

    event: Mapping[str, Any]
    text: str = ""
    """The answer; empty where the model gave none."""
    own: str = ""
    """What the CLI wrote in its place."""
    cut: str = ""
    """Why it is only a part of an answer: ``max_tokens``."""
    is_shortened: bool = False
    """Whether a long text of it was."""

    @property
    def is_structured(self) -> bool:
        """Whether something stands in the form of an answer."""
        return self.event.get("structured_output") is not None

    @property
    def is_complete(self) -> bool:
        """Whether this is a good answer, and all of it."""
        return (
            self.event.get("subtype") == "success"
            and self.event.get("is_error") is False
            and self.event.get("num_turns", 1) != 0
            and not text_of(self.event.get("terminal_reason")).startswith("aborted")
            and not self.cut
            and (bool(self.text) or self.is_structured)
        )


@dataclass(slots=True, eq=False, repr=False)
class LastTurn:
    """The turn under way, of the main conversation: what sub-agents say is for it alone."""

    texts: list[str] = field(default_factory=list)
    """What the model said in it after its last tool call."""
    own: list[str] = field(default_factory=list)
    """What the CLI said after that."""
    is_calling: bool = False
    """It ends in the call of a tool that has not answered."""
    is_broken: bool = False
    """The CLI says that the service failed in the middle of it."""
    has_spoken: bool = False
    """The model wrote anything since the last result."""
    is_shortened: bool = False
    """A long text in it was."""
    _id: object = None
    _stop: str = ""

    def speak(self, event: Mapping[str, Any], message: Mapping[str, Any]) -> None:
        """Take an ``assistant`` event: one or more blocks of a message, which may come in several."""
        if event.get("parent_tool_use_id"):
            return
        content = message.get("content")
        blocks = [each for each in content if isinstance(each, dict)] if isinstance(content, list) else []
        is_error = any(event.get(name) for name in ("error", "is_api_error_message", "isApiErrorMessage"))
        if is_error or message.get("model") == SYNTHETIC:
            self.is_broken = self.is_broken or is_error
            self.own += [text_of(each.get("text")) for each in blocks if each.get("type") == "text"]
            return
        if self.own or message.get("id") != self._id:
            self.texts.clear()
        self.own, self.is_broken, self.has_spoken = [], False, True
        self._id, self._stop = message.get("id"), text_of(message.get("stop_reason"))
        for block in blocks:
            if block.get("type") == "tool_use":
                self.texts.clear()
                self.is_calling = True
            elif block.get("type") == "text" and not is_blank(text := text_of(block.get("text"))):
                room = max(0, _LONGEST_TURN - sum(map(len, self.texts)))
                self.texts.append(text[:room])
                self.is_calling = False

    def go_on(self, event: Mapping[str, Any]) -> None:
        """Take a ``user`` event: a tool answered, or the model was asked for more. Earlier text is not the answer."""
        if not event.get("parent_tool_use_id"):
            self.texts.clear()
            self.is_calling = False

    def end(self, event: Mapping[str, Any]) -> Ending:
        """Return what a ``result`` event comes to."""
        turn = "" if self.is_broken else "\n\n".join(self.texts)
        own = "\n\n".join(self.own)
        said, text = text_of(event.get("result")), turn
        if event.get("is_error"):
            return Ending(event, own=said)
        if _PLACEHOLDER.fullmatch(turn.strip()):
            own, text = turn, ""
        elif is_blank(said) or turn.strip().endswith(said.strip()):
            pass  # of several blocks the result has only the last
        elif self._is_of_the_cli(said, event):
            own = said
        else:
            text = said
        cut = text_of(event.get("stop_reason")) or self._stop
        cut = cut if cut in _CUT else ""
        return Ending(event, text, "" if text else own, cut, self.is_shortened)

    def _is_of_the_cli(self, said: str, event: Mapping[str, Any]) -> bool:
        """Say whether a result that no turn has was not written by the model."""
        words, usage = said.strip(), event.get("usage")
        if words in {each.strip() for each in (*self.own, "\n\n".join(self.own))}:
            return True
        if self.is_calling and event.get("structured_output") is None:
            return True  # the model gives no answer while a tool is running
        if not self.has_spoken and isinstance(usage, dict) and usage.get("output_tokens") == 0:
            return True
        return any(each.fullmatch(words) for each in (_PLACEHOLDER, _OWN_WORDS))
