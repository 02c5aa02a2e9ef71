"""What tests of documents and examples share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.warm_python import WarmPython


@pytest.fixture(scope="session")
def warm_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmPython]:
    """A Python that has both frameworks imported."""
    python = WarmPython(tmp_path_factory.mktemp("warm_python"))
    yield python
    python.close()
