"""A local gateway that answers over real HTTP on 127.0.0.1: no key, no spend, no language model.

It answers from the request's own schema and text, refuses what the gateway refuses, records what it
received, replays scripts and injects faults. Every reply says that it is emulated. Of the client
it is a double for it uses one thing: the detection of media types by their first bytes.

    from pollinations_client.emulator import Answer, Emulator

    with Emulator() as gateway:
        gateway.script(Answer(text="Hello."))
        ...  # point any client at gateway.url
        gateway.requests[0].json
"""

from typing import TYPE_CHECKING, Any

from .._distribution import install_command, warn_of_mixed_install
from .._lazy_imports import lazy_names

if TYPE_CHECKING:
    from .scripts import Answer, Body, Chunks, Fault, Frames, KeyRules, Received
    from .server.server import Emulator, EmulatorError
else:
    # The command line reads the options of `pollinations emulator` without the extra, and without
    # the web server and Pillow, which take as long to import as all of the client.
    _find = lazy_names(
        __name__,
        {
            ".scripts": "Answer Body Chunks Fault Frames KeyRules Received",
            ".server.server": "Emulator EmulatorError",
        },
    )

    def __getattr__(name: str) -> Any:
        try:
            return _find(name)
        except ModuleNotFoundError as missing:
            needed = f"The emulator needs its extra: {install_command('emulator')}"
            raise ImportError(needed) from missing


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

del lazy_names, warn_of_mixed_install
