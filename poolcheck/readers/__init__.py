"""Text to subjects, one file per kind of input."""
