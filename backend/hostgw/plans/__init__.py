"""Changes as plans: recipes, preview, apply, verify, undo, journal."""
