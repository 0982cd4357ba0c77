"""Deployment files: what runs, how often, with which command and environment."""
