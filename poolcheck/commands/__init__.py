"""One file per command: options in, one call, exit code out."""
