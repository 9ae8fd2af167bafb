"""Documentation, and what draws it."""
