"""What the rules about sums share: the sentence of a sum, and what is asked for."""

from poolcheck.capacity.asked import Asked


def asked(row: Asked) -> str:
    """The sum in words: "the project asks for web 10 x 4 x 5 = 200 + jobs 2 x 5 = 10: 210 connections"."""
    least = "at least " if row.least else ""
    if len(row.terms) > 1:
        return f"the project asks for {row.equation}: {least}{row.steady.most} connections"
    (only,) = row.terms
    if "=" in only.words:
        return f"the project asks for {least}{only.words} connections"
    return f"{only.name} asks for {least}{row.steady.most} connections"
