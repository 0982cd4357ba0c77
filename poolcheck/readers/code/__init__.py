"""Languages beyond JavaScript and Python: one reader, and a table of its grammar for each language."""
