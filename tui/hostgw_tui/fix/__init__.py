"""Preview of a plan, and what became of it."""
