"""Serve the emulator for ``make scale``: every answer takes a while, and the key may be revoked.

python tools/scale_gateway.py PORT [revoked]
"""

from __future__ import annotations

import sys
import threading

from pollinations_client.emulator import Emulator, Fault, KeyRules

KEY = "sk_demo_0123456789abcdef"
# Long enough that waiting, and not a busy machine's CPU, decides how long a row takes.
ANSWER_S = 0.4
MAX_REQUESTS = 100_000


def main() -> None:
    """Serve until the process is killed; a line for each request goes to standard output."""
    keys = {KEY: KeyRules(valid="revoked" not in sys.argv)}
    with Emulator(port=int(sys.argv[1]), keys=keys, require_key=True, log=True) as gateway:
        gateway.script(Fault("stall", times=MAX_REQUESTS, after=None, seconds=ANSWER_S))
        threading.Event().wait()


if __name__ == "__main__":
    main()
