"""Finds, explains and mends PostgreSQL connection-pool exhaustion."""

__version__ = "0.1.0"
