"""The command ``pollinations``: models, chat, pictures, sound, account, emulator, doctor.

Arguments are read by argparse. typer would colour the help, but it brings click, rich and
shellingham into a base install of httpx and pydantic, and 60 ms to a start of 350.
"""

from .main import main

__all__ = ["main"]
