"""Public reports that were tried: each with its link, what is right, and what poolcheck must say."""
