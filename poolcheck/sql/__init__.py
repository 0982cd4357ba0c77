"""One query per file; the newest that fits the server is picked."""
