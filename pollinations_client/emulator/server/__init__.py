"""The HTTP server: start and stop, connections, requests, replies."""
