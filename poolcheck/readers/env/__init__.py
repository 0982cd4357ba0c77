"""Env files: their names, dialects, columns and the places where dialects disagree."""
