"""Bytes into files: names that are safe on every system, writes that are whole or not there,
nothing overwritten.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from ..errors import SaveError, redact

__all__ = ["safe_file_stem", "save"]

# Device names of Windows, with any extension: writing to them does not make a file.
RESERVED = frozenset(
    (
        "con",
        "prn",
        "aux",
        "nul",
        "conin",
        "conout",
        *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
    )
)
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
    kept = "".join(
        mark if mark == "_" or unicodedata.category(mark)[0] in "LNM" else "-" for mark in text
    )
    stem = _cut(BREAKS.sub("-", kept).strip(EDGES), max(limit, 1))
    if not any(mark.isalnum() for mark in stem):
        return "untitled"[: max(limit, 1)]
    return _cut(f"file-{stem}", max(limit, 1)) if stem.casefold() in RESERVED else stem


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
    folder, name, suffix = _place(path_or_directory, stem, extension)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _written_aside(data, folder) as finished:
            if overwrite:
                return _replaced(finished, folder / f"{name}{suffix}")
            return _linked(finished, folder, name, suffix)
    except SaveError:
        raise
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SaveError(
            f"Cannot save {len(data)} bytes in {folder}: {said}. Choose another path."
        ) from error


def _place(
    path_or_directory: str | os.PathLike[str], stem: str, extension: str
) -> tuple[Path, str, str]:
    given = os.fspath(path_or_directory)
    try:
        path = Path(given).expanduser()
    except RuntimeError as error:
        raise SaveError(
            f"Cannot tell whose home folder {given!r} means. Write the path out."
        ) from error
    names_folder = (
        given.endswith(tuple(filter(None, (os.sep, os.altsep)))) or not path.suffix or path.is_dir()
    )
    if not names_folder:
        return path.parent, path.stem, path.suffix
    letters = "".join(mark for mark in extension.lower() if mark.isascii() and mark.isalnum())
    return path, safe_file_stem(stem, STEM_BYTES), f".{letters or 'bin'}"


@contextlib.contextmanager
def _written_aside(data: bytes, folder: Path) -> Iterator[Path]:
    """A finished file beside the target, gone afterwards unless it was moved.

    Its rights follow the umask.
    """
    aside = folder / f".{secrets.token_hex(8)}.part"
    flags = (
        os.O_WRONLY
        | os.O_CREAT
        | os.O_EXCL
        | getattr(os, "O_NOFOLLOW", 0)
        | getattr(os, "O_BINARY", 0)
    )
    descriptor = os.open(aside, flags, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield aside
    finally:
        aside.unlink(missing_ok=True)


def _replaced(finished: Path, target: Path) -> Path:
    if target.is_symlink():
        raise SaveError(f"{target} is a symbolic link and is not overwritten. Choose another name.")
    finished.replace(target)
    return target


def _linked(finished: Path, folder: Path, name: str, suffix: str) -> Path:
    for number in range(1, MAX_NAME_ATTEMPTS + 1):
        target = folder / (f"{name}{suffix}" if number == 1 else f"{name}-{number}{suffix}")
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


def _cut(stem: str, limit: int) -> str:
    """At most ``limit`` characters and ``STEM_BYTES`` bytes, not ending in a break."""
    return stem[:limit].encode()[:STEM_BYTES].decode("utf-8", "ignore").rstrip(EDGES)
