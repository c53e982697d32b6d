"""The platform's real client against the emulator: one story, told with two of its releases."""
