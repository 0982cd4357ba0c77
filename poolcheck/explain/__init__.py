"""Error texts and logs: read, recognised, counted, explained."""
