"""Rules beyond their pages: edges, and examples that need more than one env file."""
