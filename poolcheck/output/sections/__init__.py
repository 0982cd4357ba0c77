"""One section of the report each, named as its key in JSON; every format that is read by people takes them from here."""
