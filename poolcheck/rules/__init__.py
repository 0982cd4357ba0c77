"""One file per rule: the stem is the id and the name, the docstring its page, its examples its first tests."""
