"""The gateway's clients, sync and async, and how the adapters' models hold them."""

from .async_client import AsyncPollinationsClient
from .sync_client import PollinationsClient

__all__ = ["AsyncPollinationsClient", "PollinationsClient"]
