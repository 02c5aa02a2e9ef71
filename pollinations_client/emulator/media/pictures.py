"""Drawing: a landscape in the prompt's colours with the prompt, the model and the seed written
under it.
"""

from __future__ import annotations

import base64
import io
import math
import random
import textwrap
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFilter, ImageFont, PngImagePlugin

from ..stub_model.text import tokens

RGB = tuple[int, int, int]
MAX_PX = 2048
DEFAULT_PX = 1024
COLOURS: dict[str, RGB] = {
    "red": (206, 62, 48),
    "crimson": (178, 34, 60),
    "orange": (232, 130, 52),
    "fox": (214, 104, 46),
    "autumn": (196, 98, 40),
    "yellow": (240, 200, 80),
    "gold": (222, 178, 72),
    "golden": (222, 178, 72),
    "sun": (250, 196, 92),
    "sunset": (240, 120, 84),
    "sunrise": (246, 158, 110),
    "desert": (222, 178, 120),
    "sand": (224, 196, 150),
    "beach": (230, 206, 160),
    "green": (84, 150, 88),
    "forest": (48, 98, 70),
    "tree": (72, 122, 74),
    "trees": (72, 122, 74),
    "grass": (110, 166, 84),
    "jungle": (36, 110, 64),
    "meadow": (132, 176, 92),
    "garden": (96, 150, 84),
    "blue": (66, 118, 196),
    "sea": (44, 110, 150),
    "ocean": (34, 92, 144),
    "sky": (120, 176, 226),
    "water": (70, 140, 180),
    "lake": (74, 134, 170),
    "river": (80, 144, 180),
    "teal": (36, 140, 140),
    "turquoise": (64, 190, 182),
    "cyan": (80, 200, 214),
    "purple": (126, 82, 168),
    "violet": (140, 96, 190),
    "lavender": (176, 156, 212),
    "pink": (236, 148, 178),
    "rose": (220, 110, 140),
    "magenta": (200, 60, 140),
    "brown": (124, 86, 58),
    "wood": (140, 100, 66),
    "bear": (110, 76, 54),
    "white": (244, 246, 250),
    "snow": (236, 242, 250),
    "winter": (198, 216, 236),
    "ice": (200, 226, 240),
    "cloud": (226, 232, 240),
    "clouds": (226, 232, 240),
    "grey": (140, 146, 156),
    "gray": (140, 146, 156),
    "stone": (130, 128, 126),
    "mountain": (104, 116, 140),
    "mountains": (104, 116, 140),
    "city": (84, 92, 116),
    "black": (34, 36, 46),
    "night": (22, 28, 62),
    "space": (18, 18, 48),
    "moon": (214, 218, 232),
    "fire": (232, 90, 30),
    "lava": (220, 66, 26),
    "silver": (186, 192, 202),
}
PALETTES: tuple[tuple[RGB, RGB, RGB], ...] = (
    ((246, 170, 120), (120, 96, 150), (52, 64, 104)),
    ((150, 200, 230), (96, 150, 130), (40, 84, 84)),
    ((250, 214, 150), (214, 116, 92), (92, 60, 88)),
    ((176, 196, 232), (112, 120, 176), (52, 56, 100)),
    ((214, 232, 210), (120, 170, 140), (52, 96, 90)),
)
DARK = frozenset({"night", "space", "moon", "stars", "dark", "midnight"})


@dataclass(frozen=True)
class PictureSpec:
    """What to draw; sizes in pixels."""

    prompt: str
    model: str
    seed: int
    width: int = DEFAULT_PX
    height: int = DEFAULT_PX
    transparent: bool = False
    phase: float = 0.0


def within(width: int, height: int, most: int = MAX_PX) -> tuple[int, int]:
    """The asked size; zero means the default of 1024, and what is larger than ``most`` keeps its
    shape.
    """
    width, height = width or DEFAULT_PX, height or DEFAULT_PX
    long = max(width, height)
    return (
        (width, height)
        if long <= most
        else (max(1, width * most // long), max(1, height * most // long))
    )


def data_url(data: bytes) -> str:
    """Picture bytes as a data URL."""
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@lru_cache(maxsize=64)
def picture(spec: PictureSpec) -> bytes:
    """The picture as JPEG, or as PNG when it is to be transparent."""
    drawing = draw(spec)
    out = io.BytesIO()
    note = f"Emulated: no model drew this. model={spec.model} seed={spec.seed} prompt={spec.prompt}"
    if spec.transparent:
        info = PngImagePlugin.PngInfo()
        info.add_itxt("Comment", note)
        drawing.save(out, "PNG", pnginfo=info, compress_level=3)
    else:
        exif = Image.Exif()
        exif[0x010E] = note
        exif[0x0131] = "pollinations emulator"
        drawing.convert("RGB").save(out, "JPEG", quality=86, exif=exif, comment=b"emulated")
    return out.getvalue()


def palette(prompt: str, chance: random.Random) -> tuple[RGB, RGB, RGB]:
    """Sky, middle and ground: from the colour words of the prompt, the rest by chance."""
    sky, middle, ground = chance.choice(PALETTES)
    words = tokens(prompt)
    named = [COLOURS[word] for word in dict.fromkeys(words) if word in COLOURS]
    if DARK & set(words):
        sky = (30, 36, 84)
    if len(named) >= 2:
        light = max(named, key=sum)
        return _mixed(light, sky, 0.45), named[0], min(named, key=sum)
    if named:
        return (
            _mixed(named[0], (255, 250, 240), 0.55),
            named[0],
            _mixed(named[0], (24, 24, 44), 0.6),
        )
    return sky, middle, ground


def _mixed(left: RGB, right: RGB, share: float) -> RGB:
    """``share`` of the right colour."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(left, right, strict=True))
    return red, green, blue


def draw(spec: PictureSpec) -> Image.Image:
    """The drawing, RGBA; made at no more than 1024 pixels and enlarged, the caption always at full
    size.
    """
    chance = random.Random(f"{spec.prompt}|{spec.model}|{spec.seed}")  # noqa: S311
    scale = min(1.0, 1024 / max(spec.width, spec.height))
    width, height = max(1, round(spec.width * scale)), max(1, round(spec.height * scale))
    colours = palette(spec.prompt, chance)
    night = bool(DARK & set(tokens(spec.prompt)))
    scene = (
        Image.new("RGBA", (width, height), (0, 0, 0, 0))
        if spec.transparent
        else _sky(width, height, colours, night)
    )
    _celestial(scene, chance, colours, night, spec.phase)
    _hills(scene, chance, colours, spec.phase)
    _specks(scene, chance, spec)
    if scene.size != (spec.width, spec.height):
        scene = scene.resize((spec.width, spec.height), Image.Resampling.BICUBIC)
    _caption(scene, spec)
    return scene


def _sky(width: int, height: int, colours: tuple[RGB, RGB, RGB], night: bool) -> Image.Image:
    top = (16, 20, 52) if night else _mixed(colours[0], (70, 110, 190), 0.35)
    low = (
        _mixed(colours[0], (40, 40, 90), 0.35)
        if night
        else _mixed(colours[0], (255, 244, 224), 0.5)
    )
    ramp = Image.linear_gradient("L").resize((width, height))
    return Image.composite(
        Image.new("RGBA", ramp.size, (*low, 255)), Image.new("RGBA", ramp.size, (*top, 255)), ramp
    )


def _celestial(
    scene: Image.Image,
    chance: random.Random,
    colours: tuple[RGB, RGB, RGB],
    night: bool,
    phase: float,
) -> None:
    """A sun or a moon with its glow, drifting as a video goes on; stars at night."""
    width, height = scene.size
    size = min(width, height)
    x = (chance.uniform(0.2, 0.8) + 0.25 * phase) % 1.0 * width
    y, radius = chance.uniform(0.18, 0.36) * height, chance.uniform(0.07, 0.12) * size
    if night:
        pen = ImageDraw.Draw(scene)
        for _ in range(90):
            at_x, at_y, dot = (
                chance.uniform(0, width),
                chance.uniform(0, 0.65 * height),
                chance.uniform(0.3, 1.6),
            )
            pen.ellipse((at_x - dot, at_y - dot, at_x + dot, at_y + dot), fill=(255, 255, 250, 230))
    body = (236, 236, 244) if night else _mixed(colours[0], (255, 240, 190), 0.8)
    small = Image.new("RGBA", (max(1, width // 4), max(1, height // 4)), (*body, 0))
    glow = ImageDraw.Draw(small)
    glow.ellipse(
        tuple(v / 4 for v in (x - 2 * radius, y - 2 * radius, x + 2 * radius, y + 2 * radius)),
        fill=(*body, 110),
    )
    blurred = small.filter(ImageFilter.GaussianBlur(max(1.0, radius / 6))).resize(
        scene.size, Image.Resampling.BILINEAR
    )
    scene.alpha_composite(blurred)
    ImageDraw.Draw(scene).ellipse(
        (x - radius, y - radius, x + radius, y + radius), fill=(*body, 255)
    )


def _ridge(chance: random.Random, base: float, rise: float, phase: float) -> list[float]:
    """Heights of one range of hills at 65 places, as shares of the picture's height."""
    waves = [
        (chance.uniform(0.6, 1.4) * 2**octave, chance.uniform(0, 6.28), 0.55**octave)
        for octave in range(4)
    ]
    places = [step / 64 * 6.28 for step in range(65)]
    return [
        base
        - rise * sum(size * math.sin(pace * place + turn + phase) for pace, turn, size in waves) / 2
        for place in places
    ]


def _hills(
    scene: Image.Image, chance: random.Random, colours: tuple[RGB, RGB, RGB], phase: float
) -> None:
    """Four ranges, paler the farther, each with a lit edge; trees on the nearest."""
    width, height = scene.size
    pen = ImageDraw.Draw(scene)
    for at in range(4):
        share = at / 3
        colour = _mixed(
            _mixed(colours[0], colours[1], 0.45 + 0.55 * share), colours[2], 0.75 * share
        )
        heights = _ridge(chance, 0.5 + 0.12 * at, 0.14 - 0.02 * at, 0.5 * phase * (at + 1))
        line = [(width * step / 64, height * level) for step, level in enumerate(heights)]
        pen.polygon([(0, height), *line, (width, height)], fill=(*colour, 255))
        pen.line(
            line, fill=(*_mixed(colour, (255, 255, 255), 0.25), 255), width=max(1, height // 300)
        )
        if at == 2:
            _trees(pen, chance, line, _mixed(colour, (12, 24, 30), 0.55), height)


def _trees(
    pen: ImageDraw.ImageDraw,
    chance: random.Random,
    line: list[tuple[float, float]],
    colour: RGB,
    height: int,
) -> None:
    for x, y in chance.sample(line, 26):
        tall = chance.uniform(0.03, 0.08) * height
        for layer in range(3):
            top, half = y - tall * (1 - 0.25 * layer), tall * (0.12 + 0.07 * layer)
            pen.polygon(
                [(x, top), (x - half, top + tall * 0.45), (x + half, top + tall * 0.45)],
                fill=(*colour, 255),
            )
        pen.rectangle(
            (x - tall * 0.03, y - tall * 0.1, x + tall * 0.03, y + tall * 0.06), fill=(*colour, 255)
        )


def _specks(scene: Image.Image, chance: random.Random, spec: PictureSpec) -> None:
    """Snow, rain or birds, when the prompt has such weather; birds otherwise."""
    width, height = scene.size
    pen = ImageDraw.Draw(scene)
    words = set(tokens(spec.prompt))
    unit = min(width, height) / 400
    if words & {"snow", "winter", "snowy", "snowing", "ice"}:
        for _ in range(140):
            x, y, dot = (
                chance.uniform(0, width),
                (chance.random() + spec.phase) % 1 * height,
                chance.uniform(0.6, 2.2) * unit,
            )
            pen.ellipse((x - dot, y - dot, x + dot, y + dot), fill=(255, 255, 255, 235))
    elif words & {"rain", "storm", "rainy"}:
        for _ in range(160):
            x, y = chance.uniform(0, width), (chance.random() + spec.phase) % 1 * height
            pen.line(
                (x, y, x - 3 * unit, y + 12 * unit),
                fill=(220, 230, 250, 150),
                width=max(1, int(unit)),
            )
    else:
        for _ in range(5):
            x, y, span = (
                (chance.uniform(0.1, 0.9) + 0.2 * spec.phase) % 1 * width,
                chance.uniform(0.1, 0.4) * height,
                chance.uniform(4, 9) * unit,
            )
            for side in (-1, 1):
                pen.arc(
                    (x + min(0, side * 2 * span), y - span, x + max(0, side * 2 * span), y + span),
                    200,
                    340,
                    fill=(40, 44, 60, 220),
                    width=max(1, int(unit)),
                )


def _caption(scene: Image.Image, spec: PictureSpec) -> None:
    """A band with the prompt and, smaller, what made the picture."""
    width, height = scene.size
    size = max(7, min(width, height) // 28)
    if width < 48 or height < 48:
        return
    font, small = ImageFont.load_default(size), ImageFont.load_default(max(6, round(size * 0.7)))
    lines = textwrap.wrap(
        " ".join(spec.prompt.split()),
        max(8, int(width / (size * 0.56)) - 2),
        max_lines=3,
        placeholder=" ...",
    )
    step = round(size * 1.3)
    band = step * len(lines) + round(size * 2.1)
    veil = Image.new("RGBA", (width, min(band, height)), (12, 14, 26, 178))
    scene.alpha_composite(veil, (0, height - veil.height))
    pen = ImageDraw.Draw(scene)
    top = height - band + round(size * 0.6)
    for at, line in enumerate(lines):
        pen.text(
            (size * 0.8, top + at * step), _drawable(line), font=font, fill=(255, 255, 255, 255)
        )
    made = f"emulated  |  {spec.model}  |  seed {spec.seed}  |  {spec.width} x {spec.height}"
    pen.text((size * 0.8, top + len(lines) * step), made, font=small, fill=(204, 212, 232, 255))


def _drawable(text: str) -> str:
    """The text without control characters."""
    return "".join(one if one.isprintable() else " " for one in text)


def plot(prompt: str) -> bytes:
    """A small chart as PNG, as code execution would return it."""
    chance = random.Random(prompt)  # noqa: S311
    chart = Image.new("RGB", (480, 320), "white")
    pen = ImageDraw.Draw(chart)
    pen.line([(48, 20), (48, 280), (460, 280)], fill=(60, 60, 70), width=2)
    turn = chance.uniform(0, 3)
    pen.line(
        [(48 + step * 4, 150 - 100 * math.sin(step / 16 + turn)) for step in range(103)],
        fill=(40, 100, 200),
        width=3,
    )
    pen.text((56, 292), _drawable(prompt)[:60], font=ImageFont.load_default(12), fill=(60, 60, 70))
    out = io.BytesIO()
    chart.save(out, "PNG")
    return out.getvalue()
