"""Write files: under names that are safe on every system, as a whole or not at all, over no other.

And read those that a user names.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import unicodedata
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from ..errors import InvalidRequestError, SaveError, redact
from .sniff import HEAD_BYTES

__all__ = ["NewFile", "read_regular_file", "read_saved", "safe_file_stem", "save"]

# Device names of Windows, with any extension: writing to them does not make a file.
PORTS = (f"{port}{number}" for port in ("com", "lpt") for number in range(10))
RESERVED = frozenset(("con", "prn", "aux", "nul", "conin", "conout", *PORTS))
BREAKS = re.compile(r"[-_]*-[-_]*")
EDGES = "-_"
# File systems allow 255 bytes per name; this leaves room for a number and an extension.
STEM_BYTES = 200
MAX_NAME_ATTEMPTS = 10_000


def safe_file_stem(prompt: str, limit: int = 60) -> str:
    """A file name without extension, made from a prompt: letters and digits of any script, ``-``
    and ``_``.

    At most ``limit`` characters, never empty, no path, no control or invisible character, no name
    that Windows keeps for a device, and nothing that looks like a key.

    >>> safe_file_stem("../A red fox, in snow!")
    'A-red-fox-in-snow'
    """
    text = unicodedata.normalize("NFKC", redact(prompt))
    # Letters, numbers and the marks that belong to letters; format characters (Cf) could turn a
    # name's direction.
    words = "".join(
        sign if sign == "_" or unicodedata.category(sign)[0] in "LNM" else "-" for sign in text
    )
    stem = _shortened(BREAKS.sub("-", words).strip(EDGES), max(limit, 1))
    if not any(sign.isalnum() for sign in stem):
        return "untitled"[: max(limit, 1)]
    if stem.casefold() in RESERVED:
        return _shortened(f"file-{stem}", max(limit, 1))
    return stem


def save(
    data: bytes,
    path_or_directory: str | os.PathLike[str],
    stem: str,
    extension: str,
    *,
    overwrite: bool = False,
) -> Path:
    """Write ``data`` to a file, whole or not at all, and return its path.

    A path that ends in a suffix is the file's name; any other is a folder, made where missing, and
    the name is ``stem`` with ``extension``. A name that is taken gets ``-2``, ``-3`` and so on,
    also when another process takes it at the same moment; ``overwrite`` replaces the file instead,
    but never writes through a symbolic link. ``~`` is the home folder. Raises :class:`SaveError`.
    """
    with NewFile(path_or_directory) as file:
        file.write(data)
        return file.keep(stem, extension, overwrite=overwrite)


class NewFile:
    """A file that is written piece by piece, under its name only when it is complete.

    It is written beside its place, with rights that follow the umask, and is gone after the
    ``with`` block unless :meth:`keep` gave it its name. Path and folder are as for :func:`save`.
    Raises :class:`SaveError`, at the beginning for a folder that cannot be written.
    """

    def __init__(self, path_or_directory: str | os.PathLike[str]) -> None:
        self._path = path_or_directory
        self._folder, _, _ = _target(path_or_directory, "", "")
        self._part_path = self._folder / f".{secrets.token_hex(8)}.part"
        self._file: BinaryIO | None = None
        self.head = b""
        """The first bytes, at most 4 KiB: enough to tell what they are."""
        self.size = 0

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Neither flag is on every system: Windows alone has O_BINARY, and has no O_NOFOLLOW.
            optional_flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | optional_flags
            self._file = os.fdopen(os.open(self._part_path, flags, 0o666), "wb")
        except (OSError, ValueError) as error:
            raise self._failure(error) from error
        return self

    def restart(self) -> None:
        """Forget what was written, as for a request that is sent again."""
        if self.size and self._file is not None:
            self._file.seek(0)
            self._file.truncate()
            self.head, self.size = b"", 0

    def write(self, piece: bytes) -> None:
        """Append ``piece``."""
        if self._file is None:
            raise ValueError("write inside the with block")
        if len(self.head) < HEAD_BYTES:
            self.head += piece[: HEAD_BYTES - len(self.head)]
        self.size += len(piece)
        try:
            self._file.write(piece)
        except OSError as error:
            raise self._failure(error) from error

    def keep(self, stem: str, extension: str, *, overwrite: bool = False) -> Path:
        """Give the complete file its name and return its path."""
        folder, name, suffix = _target(self._path, stem, extension)
        try:
            self._close()
            if overwrite:
                return _replaced(self._part_path, folder / f"{name}{suffix}")
            return _linked(self._part_path, folder, name, suffix)
        except SaveError:
            raise
        except (OSError, ValueError) as error:
            raise self._failure(error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):  # a full disk has been reported already
            self._close()
        self._part_path.unlink(missing_ok=True)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with file:
                file.flush()
                os.fsync(file.fileno())

    def _failure(self, error: Exception) -> SaveError:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return SaveError(f"Cannot save in {self._folder}: {reason}. Choose another path.")


def read_saved(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file that was saved before. Raises :class:`SaveError` where it is gone."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SaveError(f"Cannot read {path}: {error.strerror or error}.") from error


def read_regular_file(
    path: str | os.PathLike[str],
    subject: str,
    refusal: Callable[[str], InvalidRequestError],
    limit_bytes: int = -1,
) -> tuple[Path, bytes, int]:
    """The path of a file that a user names, its first ``limit_bytes`` bytes or all, and its size.

    ``subject`` is what an error calls it. Raises what ``refusal`` makes of a sentence for a file
    that cannot be read, and for a folder, a pipe and the like.
    """
    file_path = Path(os.path.expanduser(path))  # noqa: PTH111 - Path raises for unknown users
    reason = "it is no file"
    try:
        info = file_path.stat()
        if stat.S_ISREG(info.st_mode):
            with file_path.open("rb") as file:
                return file_path, file.read(limit_bytes), info.st_size
        cause = None
    except (OSError, ValueError) as error:
        cause = error
        reason = getattr(error, "strerror", None) or str(error)
    raise refusal(f"{subject} {file_path.name!r} cannot be read: {reason}") from cause


def _target(
    path_or_directory: str | os.PathLike[str], stem: str, extension: str
) -> tuple[Path, str, str]:
    """Folder, name and suffix of the file that a path or a folder means to :func:`save`."""
    path_text = os.fspath(path_or_directory)
    try:
        path = Path(path_text).expanduser()
    except RuntimeError as error:
        raise SaveError(
            f"Cannot tell whose home folder {path_text!r} means. Write the path out."
        ) from error
    separators = tuple(filter(None, (os.sep, os.altsep)))
    names_folder = path_text.endswith(separators) or not path.suffix or path.is_dir()
    if not names_folder:
        return path.parent, path.stem, path.suffix
    letters = "".join(sign for sign in extension.lower() if sign.isascii() and sign.isalnum())
    return path, safe_file_stem(stem, STEM_BYTES), f".{letters or 'bin'}"


def _replaced(finished: Path, target: Path) -> Path:
    if target.is_symlink():
        raise SaveError(f"{target} is a symbolic link and is not overwritten. Choose another name.")
    finished.replace(target)
    return target


def _linked(finished: Path, folder: Path, name: str, suffix: str) -> Path:
    for number in range(1, MAX_NAME_ATTEMPTS + 1):
        target = folder / f"{name}-{number}{suffix}"
        if number == 1:
            target = folder / f"{name}{suffix}"
        try:
            _take_name(finished, target)
        except FileExistsError:
            continue
        return target
    raise SaveError(
        f"{folder} has {MAX_NAME_ATTEMPTS} files named {name}{suffix} already. Choose another name."
    )


def _take_name(finished: Path, target: Path) -> None:
    """Give the finished file its name, or raise ``FileExistsError``; of two processes only one can
    succeed.
    """
    try:
        target.hardlink_to(finished)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links (FAT, some network shares): take the name with an empty
        # file, then fill it.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            finished.replace(target)
        except OSError:
            target.unlink(missing_ok=True)
            raise


def _shortened(stem: str, limit: int) -> str:
    """At most ``limit`` characters and ``STEM_BYTES`` bytes, not ending in a break."""
    return stem[:limit].encode()[:STEM_BYTES].decode("utf-8", "ignore").rstrip(EDGES)
