"""Write the badges of the README into docs/images: what the repository itself says, as pictures.

Files of our own in place of shields.io: they are there offline, on every forge and on the site, and
whoever opens the page tells nobody of it. Usage: python tools/badges.py
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pollinations_client import __version__

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "images"
CHARACTER_PX = 6.6  # of DejaVu Sans and Verdana at 11 px, which differ by less than the margin
MARGIN_PX = 7
BADGE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" \
aria-label="{name}: {value}">
  <title>{name}: {value}</title>
  <rect width="{width}" height="20" rx="3" fill="#555"/>
  <path d="M{split} 0h{rest}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{rest}z" fill="#7e57c2"/>
  <g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
    <text x="{name_x}" y="14">{name}</text>
    <text x="{value_x}" y="14">{value}</text>
  </g>
</svg>
"""


def values() -> dict[str, str]:
    """What each badge says, from pyproject.toml and the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pythons = [
        name.rpartition(" :: ")[2]
        for name in project["classifiers"]
        if name.startswith("Programming Language :: Python :: 3.")
    ]
    return {
        "version": __version__,
        "python": f"{pythons[0]} to {pythons[-1]}",
        "licence": project["license"],
        "types": "mypy strict",
    }


def badge(name: str, value: str) -> str:
    """A badge as SVG."""
    split, rest = (round(len(text) * CHARACTER_PX) + 2 * MARGIN_PX for text in (name, value))
    numbers: dict[str, Any] = {
        "width": split + rest,
        "split": split,
        "rest": rest - 3,
        "name_x": split / 2,
        "value_x": split + rest / 2,
    }
    return BADGE.format(name=name, value=value, **numbers)


def main() -> None:
    """Write all of them."""
    for name, value in values().items():
        (FOLDER / f"badge-{name}.svg").write_text(badge(name, value))


if __name__ == "__main__":
    main()
