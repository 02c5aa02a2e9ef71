"""The gateway's clients, sync and async, and how the adapters' models hold them."""

from .sync_client import AsyncPollinationsClient, PollinationsClient

__all__ = ["AsyncPollinationsClient", "PollinationsClient"]
