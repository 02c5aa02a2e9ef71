"""HTTP server of the emulator: start and stop, connections, responses, scripted faults."""
