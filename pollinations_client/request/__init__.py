"""Build what is sent: options with their bounds, messages, tools, and one function per endpoint.

No I/O.
"""
