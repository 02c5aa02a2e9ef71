"""Read what came back: bytes to events, replies, pictures, account records and typed errors.

No I/O.
"""
