"""Answer GET / with a page that tells a person what this server is."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..gateway.models import models
from ..server.response import Reply

if TYPE_CHECKING:
    from ..exchange import Exchange

SHOWN_REQUESTS = 10
SHOWN_MODELS = 12
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Pollinations emulator</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46em; margin: 3em auto; padding: 0 1em }}
pre, code {{ background: #f2efe6; padding: .1em .3em }} pre {{ padding: 1em; overflow: auto }}
img {{ max-width: 100% }}
</style></head><body>
<h1>Pollinations emulator</h1>
<p>This is a local double of the Pollinations gateway ({era}). It needs no key, spends nothing and
is no language model: it answers from the words of the request.</p>
<pre>curl {url}/v1/chat/completions -H 'Content-Type: application/json' \\
  -d '{{"model": "openai", "messages": [{{"role": "user", "content": "Why dance?"}}]}}'</pre>
<p><img src="{url}/image/bees%20over%20lavender?width=640&amp;height=320&amp;seed=7&amp;model=flux"
alt="A picture that the emulator draws: bees over lavender"></p>
<h2>Models</h2><p>{models}, and more: <a href="/text/models">text</a>,
<a href="/image/models">pictures and videos</a>.</p>
<h2>Last requests</h2>{requests}
</body></html>
"""


def home(exchange: Exchange) -> Reply:
    """The page; requests are shown without query, headers and body."""
    state = exchange.state
    names = [model.name for model in models(state.era, "text")[:SHOWN_MODELS]]
    # The last request is this one.
    recent = state.requests[:-1][-SHOWN_REQUESTS:]
    lines = [f"{request.method} {request.path[:80]}" for request in recent]
    rows = [f"<li><code>{escape(line)}</code></li>" for line in lines]
    eras = {"today": "as it is today", "seed": "as it was with API 0.3.0"}
    page = PAGE.format(
        era=eras[state.era],
        url=state.url,
        models=", ".join(f"<code>{escape(name)}</code>" for name in names),
        requests=f"<ol>{''.join(rows) or 'None yet.'}</ol>",
    )
    return Reply(page.encode(), content_type="text/html; charset=utf-8")
