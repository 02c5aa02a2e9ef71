"""Gateway rules of the emulator: keys, validation, model rules, dialects, usage, cache."""
