"""The map of a project: who connects where, out of compose files, clusters, platforms, packages and their code."""
