"""Errors of this package beside those of the client: no tool call, no object in an answer."""

from __future__ import annotations

from pollinations_client import ReplyError

__all__ = ["NoToolCallError", "StructuredOutputError"]


class NoToolCallError(ReplyError, ValueError):
    """The model made no tool call where one was needed, or called a tool that was not offered."""


class StructuredOutputError(ReplyError, ValueError):
    """No answer held an object of the class; the message quotes the last answer's beginning.

    ``is_final`` says that asking in another way would not help: the model refused, or a filter or
    ``max_tokens`` cut the answer.
    """

    is_final = False
