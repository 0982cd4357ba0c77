"""Configuration of ORMs and frameworks."""
