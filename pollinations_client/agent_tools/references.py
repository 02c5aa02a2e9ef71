"""Pictures that a model names in a call: addresses it may use, and pictures made before.

An address is fetched by the gateway, not here. Paths are never read: a model that could name one
could carry any file of the machine into a public picture.
"""

from __future__ import annotations

import ipaddress
import re
import threading
import urllib.parse
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import InvalidRequestError
from ..media.sniff import sniff
from ..response.media_result import MediaResult

__all__ = ["ConversationPictures", "check_address", "earlier_pictures"]

NAME = re.compile(r"\s*(?:the\s+)?picture[\s_-]*(\d{1,9})\s*", re.IGNORECASE)
# The last sentence of a tool's answer, as MediaTool.answer() writes it.
NAME_IN_ANSWER = re.compile(r"It is called picture-(\d{1,9})\.\s*\Z")
# Names that resolve to this machine or its network, whatever a resolver says.
LOCAL_NAMES = re.compile(
    r"(^|\.)(localhost|local|localdomain|internal|intranet|home|lan|home\.arpa"
    r"|nip\.io|sslip\.io|xip\.io|localtest\.me|lvh\.me)$"
)
# The last label of a public name begins with a letter: 127.1, 0x7f.1 and 2130706433 are addresses.
HOST = re.compile(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?\.[a-z][a-z0-9-]*[a-z0-9]")
MAX_ADDRESS_CHARS = 2_000
# A long-running service has many conversations: what is oldest is let go.
MAX_CONVERSATIONS = 1_000
MAX_HELD_BYTES = 256 * 1024 * 1024


def check_address(address: str) -> str:
    """``address`` if it is a public https address.

    Raises :class:`InvalidRequestError` for files, other schemes, and hosts of this machine or of a
    private network, however they are written.
    """
    if len(address) > MAX_ADDRESS_CHARS or any(mark.isspace() for mark in address):
        raise _not_an_address("it is longer than an address, or holds white space")
    try:
        url = urllib.parse.urlsplit(address)
        host, _ = url.hostname or "", url.port
    except ValueError:
        raise _not_an_address("it cannot be read") from None
    if url.scheme != "https":
        raise _not_an_address("it does not begin with https://")
    if "@" in url.netloc or "\\" in address:
        raise _not_an_address("it holds a user, a password or a backslash")
    if not _is_public(urllib.parse.unquote(host).rstrip(".").lower()):
        raise _not_an_address("its host is not on the public web")
    return address


def _not_an_address(reason: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"image: {reason}. Only https addresses of the public web and names of pictures made in"
        " this conversation, such as picture-1, are taken.",
        param="image",
    )


def _is_public(host: str) -> bool:
    """Whether ``host`` is a name of the public web or a global address in its usual form."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        name = _ascii(host)
        return HOST.fullmatch(name) is not None and not LOCAL_NAMES.search(name)
    if isinstance(address, ipaddress.IPv6Address):
        # An IPv4 address inside, as ::ffff:127.0.0.1, 64:ff9b:: or 2002:: carry one.
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None or int(address) >> 32 in {0, 0x64FF9B << 64}:
            return False
    return address.is_global and not address.is_multicast


def _ascii(host: str) -> str:
    # As a resolver gets it: full-width digits and dots are ordinary ones there.
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


@dataclass
class _Conversation:
    pictures: dict[int, MediaResult] = field(default_factory=dict)
    count: int = 0

    @property
    def held_bytes(self) -> int:
        """Bytes of pictures that are in no file."""
        return sum(len(picture.data or b"") for picture in self.pictures.values())


class ConversationPictures:
    """The pictures that tools made in each conversation, by the names that the model reads.

    Names belong to one toolkit and to a ``thread_id``, where there is one. What is saved is read
    from its file again; of the bytes that are not, the oldest are let go at 256 MiB.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._conversations: OrderedDict[str | None, _Conversation] = OrderedDict()
        self._held_bytes = 0

    def __reduce__(self) -> tuple[Any, ...]:
        # Pictures may be large, and their files are on another machine then.
        return (ConversationPictures, ())

    def __deepcopy__(self, memo: object) -> ConversationPictures:
        return self

    def add(self, result: MediaResult, thread: str | None = None) -> str:
        """Remember a picture; return its name."""
        with self._lock:
            conversation = self._conversations.setdefault(thread, _Conversation())
            self._conversations.move_to_end(thread)
            conversation.count += 1
            conversation.pictures[conversation.count] = result
            self._held_bytes += len(result.data or b"")
            name = f"picture-{conversation.count}"
            self._drop_oldest()
        return name

    def knows(self, thread: str | None) -> bool:
        """Whether pictures of that conversation are remembered."""
        with self._lock:
            return thread in self._conversations

    def resume(self, thread: str | None, earlier: Mapping[int, MediaResult | None]) -> None:
        """Remember the pictures of a conversation that began in another process, by number.

        New ones count on from the highest, also where the earlier picture itself is gone.
        """
        with self._lock:
            if not earlier or thread in self._conversations:
                return
            pictures = {
                number: picture for number, picture in earlier.items() if picture is not None
            }
            conversation = self._conversations[thread] = _Conversation(pictures, max(earlier))
            self._held_bytes += conversation.held_bytes
            self._drop_oldest()

    def find(self, name: str, thread: str | None = None) -> MediaResult | None:
        """The picture called ``name``; ``None`` if ``name`` is no name of a picture, such as a URL.

        Raises :class:`InvalidRequestError` if no picture of that name was made here.
        """
        match = NAME.fullmatch(name)
        if match is None:
            return None
        with self._lock:
            conversation = self._conversations.get(thread) or _Conversation()
            picture = conversation.pictures.get(int(match[1]))
            names = [f"picture-{number}" for number in conversation.pictures]
        if picture is None:
            sentence = "None was."
            if names:
                # Of a long conversation the last ones are what somebody speaks of.
                sentence = f"The pictures there are: {', '.join(names[-10:])}."
            raise InvalidRequestError(
                f"image: {name.strip()!r} was not made in this conversation. {sentence}",
                param="image",
            )
        return picture

    def _drop_oldest(self) -> None:
        while len(self._conversations) > MAX_CONVERSATIONS:
            _, oldest = self._conversations.popitem(last=False)
            self._held_bytes -= oldest.held_bytes
        for conversation in self._conversations.values():
            for number in list(conversation.pictures):
                if self._held_bytes <= MAX_HELD_BYTES:
                    return
                self._held_bytes -= len(conversation.pictures.pop(number).data or b"")


def earlier_pictures(
    answers: Iterable[tuple[str, Any]], save_dir: str | Path | None
) -> dict[int, MediaResult | None]:
    """The pictures that earlier answers of tools name, by number; ``None`` for one that is gone.

    ``answers`` are texts with their artifacts, as a checkpoint gives them back.
    """
    pictures: dict[int, MediaResult | None] = {}
    for text, artifact in answers:
        match = NAME_IN_ANSWER.search(text)
        if match is None:
            continue
        try:
            result = MediaResult.model_validate(artifact)
        except ValidationError:
            pictures[int(match[1])] = None
        else:
            pictures[int(match[1])] = _trusted(result, save_dir)
    return pictures


def _trusted(result: MediaResult, save_dir: str | Path | None) -> MediaResult | None:
    """An earlier result without a path or an address that a model may not use."""
    # A client of a server may send the history, and with it any path of this machine.
    path, url = result.path, result.url
    if path is not None and not _is_inside(Path(path), save_dir):
        path = None
    if url is not None:
        try:
            check_address(url)
        except InvalidRequestError:
            url = None
    if path is None and url is None and result.data is None:
        return None
    return result.model_copy(update={"path": path, "url": url})


def _is_inside(path: Path, folder: str | Path | None) -> bool:
    if folder is None:
        return False
    try:
        return path.resolve().is_relative_to(Path(folder).expanduser().resolve())
    except (OSError, ValueError, RuntimeError):  # a name that is none, a circle of links
        return False


def bytes_of(picture: MediaResult, name: str) -> bytes:
    """The bytes of a picture that was made before, from memory or from its file."""
    data = picture.data
    if data is None and picture.path is not None:
        try:
            data = Path(picture.path).read_bytes()
        except OSError:
            data = None
    if not data or not (sniff(data) or "").startswith("image/"):
        raise InvalidRequestError(
            f"image: {name} is not kept any more. Make it again, or give an https address.",
            param="image",
        )
    return data
