"""Draw a landscape in the colours of the prompt, with a caption that says it is emulated."""

from __future__ import annotations

import base64
import io
import math
import random
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, PngImagePlugin

from ..words import tokens
from .captions import add_caption

RGB = tuple[int, int, int]
Size = tuple[int, int]
Pen = ImageDraw.ImageDraw
MAX_PX = 2048
DEFAULT_PX = 1024
MIN_CAPTION_PX = 48
# A colour for words that name one; the first of a line that the prompt has wins.
COLOURS: dict[str, RGB] = {
    "red crimson": (206, 62, 48),
    "orange fox autumn sunset": (232, 122, 56),
    "yellow gold golden sun honey": (238, 190, 84),
    "desert sand beach": (224, 196, 150),
    "green grass meadow garden": (96, 156, 84),
    "forest tree trees jungle": (48, 98, 70),
    "blue sea ocean lake river water": (52, 112, 170),
    "turquoise teal cyan": (64, 180, 178),
    "purple violet lavender": (156, 124, 200),
    "pink rose magenta": (226, 120, 160),
    "brown wood bear": (124, 86, 58),
    "white snow winter ice cloud": (226, 236, 246),
    "grey gray stone mountain mountains city": (116, 122, 140),
    "night black space dark": (26, 30, 66),
}
COLOUR_OF = {word: colour for words, colour in COLOURS.items() for word in words.split()}
PALETTES: tuple[tuple[RGB, RGB], ...] = (  # far hills, near hills
    ((150, 120, 160), (52, 64, 104)),
    ((110, 160, 140), (40, 84, 84)),
    ((214, 126, 96), (92, 60, 88)),
    ((122, 130, 180), (52, 56, 100)),
)
DARK = frozenset({"night", "space", "moon", "stars", "dark", "midnight"})
DUSK = frozenset({"sunset", "sunrise", "dawn", "dusk", "evening"})
SNOW = frozenset({"snow", "winter", "snowy", "ice"})


@dataclass(frozen=True)
class PictureSpec:
    """What to draw; sizes in pixels. ``phase`` moves the scene on from frame to frame.

    ``references`` name the pictures to start from: with others the scene is another.
    """

    prompt: str
    model: str
    seed: int
    width: int = DEFAULT_PX
    height: int = DEFAULT_PX
    transparent: bool = False
    phase: float = 0.0
    references: tuple[str, ...] = ()


def size_within(width: int, height: int, limit: int = MAX_PX) -> tuple[int, int]:
    """The size to draw: zero is the default, and a larger one than ``limit`` keeps its shape."""
    width, height = width or DEFAULT_PX, height or DEFAULT_PX
    long = max(width, height, limit)
    return max(1, width * limit // long), max(1, height * limit // long)


@lru_cache(maxsize=64)
def picture(spec: PictureSpec) -> bytes:
    """The picture as JPEG, or as PNG when it is to be transparent."""
    drawing, out = draw(spec), io.BytesIO()
    note = f"Emulated: no model drew this. model={spec.model} seed={spec.seed} prompt={spec.prompt}"
    if spec.transparent:
        info = PngImagePlugin.PngInfo()
        info.add_itxt("Comment", note)
        drawing.save(out, "PNG", pnginfo=info, compress_level=3)
    else:
        exif = Image.Exif()
        # Every picture says inside the file that no model drew it.
        exif[0x010E], exif[0x0131] = note, "pollinations emulator"  # description, software
        drawing.save(out, "JPEG", quality=86, exif=exif, comment=b"emulated")
    return out.getvalue()


def data_url(data: bytes) -> str:
    """Picture bytes as a data URL."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _mixed(left: RGB, right: RGB, share: float) -> RGB:
    """``share`` of the right colour."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(left, right, strict=True))
    return red, green, blue


def draw(spec: PictureSpec) -> Image.Image:
    """The drawing, RGB, or RGBA where it is to be transparent."""
    # Seeded by all of the request, so that the same one is the same picture on every machine.
    request = "|".join([spec.prompt, spec.model, str(spec.seed), *spec.references])
    chance = random.Random(request)  # noqa: S311
    words = set(tokens(spec.prompt))
    named = [COLOUR_OF[word] for word in dict.fromkeys(tokens(spec.prompt)) if word in COLOUR_OF]
    far, near = chance.choice(PALETTES)
    if named:
        far, near = named[0], _mixed(named[-1], (20, 24, 44), 0.35)
    is_night = bool(DARK & words)
    top, low, light = (118, 168, 222), _mixed(far, (255, 244, 224), 0.7), (255, 236, 178)
    if is_night:
        top, low, light = (16, 20, 52), (70, 74, 124), (236, 236, 244)
    elif DUSK & words:
        top, low, light = (88, 92, 158), (250, 176, 122), (255, 226, 150)
    # Drawn twice as large and then shrunk, so that edges are smooth.
    size = (2 * spec.width, 2 * spec.height)
    scene = Image.new("RGBA", size, (0, 0, 0, 0)) if spec.transparent else _sky(size, top, low)
    pen = ImageDraw.Draw(scene)
    if is_night or SNOW & words:
        _dots(pen, chance, size, spec.phase, 90)
    _sun(pen, chance, size, spec.phase, light)
    for index in range(4):
        haze = _mixed(_mixed(low, far, 0.35 + 0.3 * index), near, max(0, index - 1) / 2)
        _hills(pen, chance, size, spec.phase, index, haze)
    scene = scene.reduce(2)
    if min(scene.size) >= MIN_CAPTION_PX:
        origin = f"emulated | {spec.model} | seed {spec.seed} | {spec.width} x {spec.height}"
        add_caption(scene, spec.prompt, origin)
    return scene


def _sky(size: Size, top: RGB, low: RGB) -> Image.Image:
    """Two colours that run into each other from the top down to the horizon."""
    column = (1, round(0.6 * size[1]) or 1)
    below, above = (Image.new("RGB", column, colour) for colour in (low, top))
    ramp = Image.composite(below, above, Image.linear_gradient("L").resize(column))
    sky = Image.new("RGB", size, low)
    sky.paste(ramp.resize((size[0], column[1]), Image.Resampling.NEAREST))
    return sky


def _sun(pen: Pen, chance: random.Random, size: Size, phase: float, colour: RGB) -> None:
    """A sun or a moon, drifting as a video goes on."""
    x = (chance.uniform(0.2, 0.8) + 0.25 * phase) % 1.0 * size[0]
    y = chance.uniform(0.16, 0.32) * size[1]
    radius = chance.uniform(0.07, 0.11) * min(size)
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _dots(pen: Pen, chance: random.Random, size: Size, phase: float, count: int) -> None:
    """Stars or snow, falling as a video goes on."""
    for _ in range(count):
        x, radius = chance.uniform(0, size[0]), chance.uniform(0.5, 1.8) * min(size) / 400
        y = (chance.random() + phase) % 1 * size[1]
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 255, 250))


def _hills(
    pen: Pen, chance: random.Random, size: Size, phase: float, index: int, colour: RGB
) -> None:
    """One range of hills as a sum of sines; fir trees stand on the third."""
    width, height = size
    waves = [
        (0.8 * 2**n * chance.uniform(0.8, 1.3), 6.3 * chance.random(), 0.5**n) for n in range(4)
    ]
    line = []
    for step in range(65):
        angle = step / 64 * 6.3
        rise = sum(high * math.sin(pace * angle + turn + phase) for pace, turn, high in waves)
        level = 0.48 + 0.11 * index - (0.06 - 0.01 * index) * rise
        line.append((width * step / 64, height * level))
    pen.polygon([(0, height), *line, (width, height)], fill=colour)
    for x, y in chance.sample(line, 24) if index == 2 else ():
        tall = chance.uniform(0.03, 0.08) * height
        for layer in range(3):
            top, half = y - tall * (1 - 0.25 * layer), tall * (0.12 + 0.07 * layer)
            fir = [(x, top), (x - half, top + tall * 0.45), (x + half, top + tall * 0.45)]
            pen.polygon(fir, fill=_mixed(colour, (12, 24, 30), 0.5))
