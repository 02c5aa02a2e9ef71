"""Read the vectors of ``POST /v1/embeddings``: base64 or lists, in any order. No I/O."""

from __future__ import annotations

import binascii
import math
import sys
from array import array
from collections.abc import Sequence
from typing import Any

from ..errors import ConfigurationError, Keys, MalformedReply, PollinationsError
from ..reply_metadata import ResponseInfo
from .error_decoder import error_from_body
from .reader import json_from

__all__ = ["as_float32_matrix", "joined_vectors", "vectors_from"]

FLOAT_BYTES = 4


def vectors_from(
    body: bytes,
    info: ResponseInfo,
    count: int,
    dimensions: int | None = None,
    secret: Keys = None,
) -> list[array[float]]:
    """The vectors of one request as float32 arrays, in the order of its texts.

    Args:
        body: The whole answer.
        info: Its headers.
        count: How many texts were sent.
        dimensions: The size that was asked for, if any.
        secret: The key, blanked out of errors.

    Raises:
        MalformedReply: For an answer with other vectors than were asked for: fewer, twice the
            same index, another size, or numbers that are none.
    """
    parsed = json_from(body, info, secret)
    if not isinstance(parsed, dict) or not isinstance(parsed.get("data"), list):
        if isinstance(parsed, dict) and parsed.get("error"):
            raise error_from_body(parsed, label="POST /v1/embeddings", secret=secret)
        raise _malformed("The answer has no list of vectors (data).", info)
    by_index: dict[int, array[float]] = {}
    # The gateway promises the index of each vector, and no order of the list.
    for position, item in enumerate(parsed["data"]):
        index = _index_of(item, position)
        if index in by_index or not 0 <= index < count:
            raise _malformed(f"Vector {position} of {count} has the index {index}.", info)
        by_index[index] = _vector(item.get("embedding"), index, info)
    if len(by_index) != count:
        raise _malformed(f"{count} texts were sent and {len(by_index)} vectors came.", info)
    vectors = [by_index[index] for index in range(count)]
    _check_sizes(vectors, dimensions, info)
    return vectors


def _index_of(item: Any, position: int) -> int:
    """Where a vector belongs. The gateway numbers them; without a number the position counts."""
    if not isinstance(item, dict):
        return -1
    index = item.get("index", position)
    if type(index) is int:
        return index
    return -1  # no index of a text, so that it is refused as one


def _vector(value: Any, index: int, info: ResponseInfo) -> array[float]:
    try:
        numbers = _numbers(value)
    except (TypeError, ValueError, OverflowError):
        raise _malformed(f"Vector {index} cannot be read as numbers.", info) from None
    # float32 numbers cannot overflow a float64 sum, so the sum is finite unless one of them is not.
    if not numbers or not math.isfinite(sum(numbers)):
        raise _malformed(f"Vector {index} is empty or holds NaN or infinity.", info)
    return numbers


def _numbers(value: Any) -> array[float]:
    """float32 numbers of base64 text (little-endian) or of a JSON list."""
    if not isinstance(value, str):
        if not isinstance(value, list):
            raise TypeError("neither text nor list")
        return array("f", value)
    # Strict, for the lenient decoder skips what is no base64 and gives other numbers.
    data = binascii.a2b_base64(value, strict_mode=True)
    if len(data) % FLOAT_BYTES:
        raise ValueError("half a number at the end")
    numbers = array("f", data)
    if sys.byteorder == "big":  # pragma: no cover - no such machine among those that run tests
        numbers.byteswap()
    return numbers


def _check_sizes(vectors: list[array[float]], dimensions: int | None, info: ResponseInfo) -> None:
    size = dimensions or len(vectors[0])
    for index, vector in enumerate(vectors):
        if len(vector) != size:
            raise _malformed(f"Vector {index} has {len(vector)} numbers in place of {size}.", info)


def _malformed(sentence: str, info: ResponseInfo) -> MalformedReply:
    return MalformedReply(f"POST /v1/embeddings: {sentence}", request_id=info.request_id)


def joined_vectors(
    starts: Sequence[tuple[int, int]],
    outcomes: Sequence[list[array[float]] | PollinationsError | None],
) -> list[array[float]]:
    """All vectors in the order of their texts.

    ``starts`` holds the index of the first text and the number of texts of each request.

    Raises the error of the first request that failed, with ``missing``, the indices of texts
    without a vector, and ``partial``, the vectors that came, by index: they are paid for.
    """
    vectors: dict[int, array[float]] = {}
    missing: list[int] = []
    failure: PollinationsError | None = None
    for (start, count), outcome in zip(starts, outcomes, strict=True):
        if isinstance(outcome, list):
            vectors.update(enumerate(outcome, start))
            continue
        missing += range(start, start + count)
        failure = failure or outcome
    sizes = {len(vector) for vector in vectors.values()}
    if failure is None and len(sizes) > 1:
        failure = MalformedReply(
            f"POST /v1/embeddings: vectors of different sizes came: {sorted(sizes)}."
        )
    if failure is None:
        return [vectors[index] for index in range(len(vectors))]
    failure.missing = missing  # type: ignore[attr-defined]
    failure.partial = {index: vector.tolist() for index, vector in vectors.items()}
    if vectors:
        failure.args = (
            f"{failure.message} {len(vectors)} of {len(vectors) + len(missing)} texts were embedded"
            " (error.partial); error.missing has the indices of the others.",
        )
    raise failure


def as_float32_matrix(vectors: Sequence[array[float]]) -> Any:
    """The vectors as a numpy array of float32, one row a text.

    Raises :class:`ConfigurationError` where numpy is not installed.
    """
    try:
        import numpy as np
    except ImportError:
        raise ConfigurationError(
            "as_numpy: numpy is not installed: pip install numpy.", param="as_numpy"
        ) from None
    width = max(map(len, vectors), default=0)  # all are of one size
    return np.frombuffer(b"".join(vectors), dtype=np.float32).reshape(len(vectors), width).copy()
