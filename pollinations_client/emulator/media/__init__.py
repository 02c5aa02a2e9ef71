"""Pictures, videos and sounds that the emulator makes."""
