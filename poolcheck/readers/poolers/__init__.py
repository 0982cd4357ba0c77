"""Configuration of poolers, each into the words of PgBouncer's settings."""
