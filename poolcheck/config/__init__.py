"""Settings of poolcheck itself: their defaults and reasons, validation, the file they come from, its schema."""
