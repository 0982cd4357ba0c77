"""The vocabulary: frozen types, no I/O; imports nothing of ours but `errors`."""
