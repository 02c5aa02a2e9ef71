"""Key, addresses, limits, retries and headers of a client."""
