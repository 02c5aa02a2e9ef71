"""Endpoints of the emulator, one module each."""
