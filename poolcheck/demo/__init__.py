"""A real PostgreSQL for a few minutes, and a story played on it."""
