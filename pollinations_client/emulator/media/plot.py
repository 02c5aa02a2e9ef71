"""A chart as Gemini's code execution returns one, and picture bytes as a data URL."""

from __future__ import annotations

import base64
import io
import math

from PIL import Image, ImageDraw


def data_url(data: bytes) -> str:
    """Picture bytes as a data URL."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


# Gemini's code execution returns its charts among the content blocks, as data URLs.
def plot() -> bytes:
    """A small chart of a sine as PNG."""
    chart, out = Image.new("RGB", (480, 320), "white"), io.BytesIO()
    pen = ImageDraw.Draw(chart)
    pen.line([(48, 20), (48, 280), (460, 280)], fill=(60, 60, 70), width=2)
    curve = [(48 + step * 4, 150 - 100 * math.sin(step / 16)) for step in range(103)]
    pen.line(curve, fill=(40, 100, 200), width=3)
    chart.save(out, "PNG")
    return out.getvalue()
