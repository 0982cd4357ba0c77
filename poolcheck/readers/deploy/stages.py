"""The stage that a deployment file is for, by its path."""

import re

PRODUCTION = re.compile(r"(?:^|[/._-])(?:prod|production|prd|live)(?:$|[/._-])", re.IGNORECASE)
