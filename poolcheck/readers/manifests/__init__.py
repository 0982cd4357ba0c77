"""Package manifests and lock files: which packages, at which versions."""
