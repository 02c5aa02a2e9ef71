"""The opening of an answer's text: told apart from a payment notice, and from reasoning written
into ``<think>`` tags.

Text is held back only while it may still become one of the two; an ordinary answer passes from its
first letters on.
"""

from __future__ import annotations

from . import payment_notices

TAG, END_TAG = "<think>", "</think>"
# Names of the tags that models put thoughts in, for a regular expression.
THOUGHT_TAGS = "think|thinking|thought|reasoning"


class LeadingTextFilter:
    """Pieces of content in, ``(is_reasoning, text)`` out.

    ``is_past`` says that text now passes untouched.
    """

    __slots__ = ("_after_thought", "_held", "_thinks", "_watches_notices", "is_past")

    def __init__(self, *, watches_notices: bool = True) -> None:
        self._watches_notices = watches_notices
        self._held = ""
        self._thinks = False
        self._after_thought = False
        self.is_past = False

    @property
    def held(self) -> str:
        """Text received and not given out yet."""
        return self._held

    def feed(self, text: str) -> list[tuple[bool, str]]:
        """What can be given out of the text so far."""
        if self.is_past:
            return [(False, text)]
        self._held += text
        if self._thinks:
            return self._thought()
        start = self._held.lstrip()
        if self._after_thought:
            self._held = start  # the blank lines between a thought and its answer belong to neither
            return self.release() if start else []
        if start.startswith(TAG):
            self._thinks = True
            self._held = start.removeprefix(TAG)
            return self._thought()
        if TAG.startswith(start) or (self._watches_notices and payment_notices.may_become(start)):
            return []
        return self.release()

    def release(self) -> list[tuple[bool, str]]:
        """Everything still held; the opening is over."""
        held, self._held, self.is_past = self._held, "", True
        return [(self._thinks, held)] if held else []

    def _thought(self) -> list[tuple[bool, str]]:
        thought, end, rest = self._held.partition(END_TAG)
        if end:
            self._held, self._thinks, self._after_thought = "", False, True
            return [(True, thought), *self.feed(rest)]
        keep = next(
            (n for n in range(len(END_TAG) - 1, 0, -1) if self._held.endswith(END_TAG[:n])), 0
        )
        given, self._held = (
            self._held[: len(self._held) - keep],
            self._held[len(self._held) - keep :],
        )
        return [(True, given)] if given else []
