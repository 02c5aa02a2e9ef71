"""The rules of the gateway: keys, validation, models, errors, caching, and its form of answers."""
