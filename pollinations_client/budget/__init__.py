"""Limits on what calls may cost, checked before each is sent. No I/O."""
