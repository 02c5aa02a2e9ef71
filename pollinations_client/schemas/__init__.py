"""JSON Schema conversions: resolve references, OpenAI's strict form, the subset that Vertex
accepts. No I/O.
"""
