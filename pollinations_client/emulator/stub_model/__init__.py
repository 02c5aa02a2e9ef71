"""A stand-in for a language model: short answers from the words of the request."""
