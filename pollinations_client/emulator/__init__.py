"""A local gateway that answers over real HTTP on 127.0.0.1: no key, no spend, no language model.

It answers from the request's own schema and text, refuses what the gateway refuses, records what it
received, replays scripts and injects faults. Every reply says that it is emulated. Nothing here
imports the client it is a double for.

    from pollinations_client.emulator import Answer, Emulator

    with Emulator() as gateway:
        gateway.script(Answer(text="Hello."))
        ...  # point any client at gateway.url
        gateway.requests[0].json
"""

import sys

from .._distribution import install_command, warn_of_mixed_install

try:
    import jsonschema  # type: ignore[import-untyped]
    import PIL
    import starlette
    import uvicorn
except ImportError as missing:
    needed = f"The emulator needs its extra: {install_command('emulator')}"
    if sys.argv[0] == "-m":  # what Python puts there while it looks for the module of ``python -m``
        sys.exit(needed)
    raise ImportError(needed) from missing

from .scripts import Answer, Body, Chunks, Fault, Frames, KeyRules, Received
from .server.server import Emulator, EmulatorError

warn_of_mixed_install()

__all__ = [
    "Answer",
    "Body",
    "Chunks",
    "Emulator",
    "EmulatorError",
    "Fault",
    "Frames",
    "KeyRules",
    "Received",
]

del PIL, install_command, jsonschema, starlette, sys, uvicorn, warn_of_mixed_install
