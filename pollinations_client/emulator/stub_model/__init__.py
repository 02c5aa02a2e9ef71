"""Stand-in for a language model: short deterministic answers from the words of the request."""
