"""Limits on what calls may cost, asked before each is sent. No I/O."""
