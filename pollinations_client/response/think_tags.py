"""Hold back the first words of an answer until it is known what they are: a payment notice,
reasoning in ``<think>`` tags, or the answer.

Text is held back only while it may still become one of the first two; an ordinary answer passes
from its first letters on.
"""

from __future__ import annotations

from . import payment_notices

TAG, END_TAG = "<think>", "</think>"
# Names of the tags that models put thoughts in, for a regular expression.
THOUGHT_TAGS = "think|thinking|thought|reasoning"
HEAD_CHARACTERS = 2 * payment_notices.MAX_NOTICE_CHARS  # tell what a text is


class LeadingTextFilter:
    """Pieces of content in, ``(is_reasoning, text)`` out.

    ``is_past`` says that text now passes untouched.
    """

    __slots__ = ("_after_thought", "_blanks", "_thinks", "_waiting", "_watches_notices", "is_past")

    def __init__(self, *, watches_notices: bool = True) -> None:
        self._watches_notices = watches_notices
        # White space before the first word, in pieces: some models begin with thousands of line
        # feeds, and looking at all of them again for each would take quadratic time.
        self._blanks: list[str] = []
        self._waiting = ""
        self._thinks = False
        self._after_thought = False
        self.is_past = False

    @property
    def waiting(self) -> str:
        """Text received and not given out yet."""
        return "".join(self._blanks) + self._waiting

    def feed(self, text: str) -> list[tuple[bool, str]]:
        """What can be given out of the text so far."""
        if self.is_past:
            return [(False, text)]
        if self._thinks:
            self._waiting += text
            return self._thought()
        if not (self._waiting or self._blanks or self._after_thought):
            # An answer that begins at once, and may be a picture of megabytes, is not copied.
            head = text[:HEAD_CHARACTERS].lstrip()
            if head and not head.startswith(TAG) and not self._may_become_special(head):
                self.is_past = True
                return [(False, text)]
        if not self._waiting:
            start = text.lstrip()
            blanks = text[: len(text) - len(start)]
            if blanks and not self._after_thought:
                self._blanks.append(blanks)  # blank lines after a thought belong to neither
            text = start
        self._waiting += text
        if not self._waiting:
            return []
        if self._after_thought:
            return self.release()
        return self._first_words()

    def _first_words(self) -> list[tuple[bool, str]]:
        start = self._waiting
        if start.startswith(TAG):
            self._thinks = True
            self._blanks.clear()
            self._waiting = start.removeprefix(TAG)
            return self._thought()
        if self._may_become_special(start):
            return []
        return self.release()

    def _may_become_special(self, start: str) -> bool:
        """Whether a text that begins so may still turn out to be a thought or a notice."""
        if TAG.startswith(start):
            return True
        return self._watches_notices and payment_notices.may_become(start)

    def release(self) -> list[tuple[bool, str]]:
        """Everything that still waits; the opening is over."""
        text, self._waiting, self.is_past = self.waiting, "", True
        self._blanks.clear()
        if not text:
            return []
        return [(self._thinks, text)]

    def _thought(self) -> list[tuple[bool, str]]:
        thought, end, answer = self._waiting.partition(END_TAG)
        if end:
            self._waiting, self._thinks, self._after_thought = "", False, True
            return [(True, thought), *self.feed(answer)]
        # The end may be the beginning of the tag, so it waits for what comes next.
        cut = len(thought) - _begun_end_tag(thought)
        self._waiting = thought[cut:]
        if not cut:
            return []
        return [(True, thought[:cut])]


def _begun_end_tag(text: str) -> int:
    """How many characters at the end of ``text`` may be the beginning of the closing tag."""
    lengths = range(len(END_TAG) - 1, 0, -1)
    return next((length for length in lengths if text.endswith(END_TAG[:length])), 0)
