"""Write the prompt under a picture, and that it is emulated."""

from __future__ import annotations

import textwrap

from PIL import Image, ImageDraw, ImageFont


def legible(text: str) -> str:
    """The text as Pillow's own font can write it, which knows Latin letters only."""
    text = " ".join(text.split())
    latin = "".join(filter(str.isprintable, text.encode("cp1252", "ignore").decode("cp1252")))
    latin_letters, letters = (sum(map(str.isalnum, line)) for line in (latin, text))
    return latin.strip() if 2 * latin_letters >= letters else "(letters that this font lacks)"


def add_caption(picture: Image.Image, prompt: str, origin: str) -> None:
    """Put a dark band below with the prompt and, smaller, what made the picture."""
    width, height = picture.size
    size = max(9, min(width // 34, height // 20))
    columns = max(8, int(width / (size * 0.56)) - 2)
    lines = textwrap.wrap(legible(prompt), columns, max_lines=3, placeholder=" ...")
    small = max(8, round(size * 0.72))
    rows = [(line, size, (255, 255, 255)) for line in lines]
    fitting = textwrap.wrap(origin, max(9, int(width / (small * 0.54)) - 2))[:1]
    rows += [(line.strip("| "), small, (206, 214, 234)) for line in fitting]
    band = round(sum(1.3 * points for _, points, _ in rows) + size)
    top = max(0, height - band)
    veil = Image.new("L", (width, height - top), 190)
    picture.paste((12, 14, 26), (0, top), veil)
    pen, y = ImageDraw.Draw(picture), top + 0.45 * size
    for line, points, colour in rows:
        pen.text((size * 0.8, y), line, font=ImageFont.load_default(points), fill=colour)
        y += 1.3 * points
