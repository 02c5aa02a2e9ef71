"""The only I/O of the client: HTTP calls with deadlines, retries and shared connection pools."""
