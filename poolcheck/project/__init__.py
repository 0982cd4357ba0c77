"""From files to subjects: what a project's files say, collected for the rules."""
