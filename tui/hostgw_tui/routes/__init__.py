"""Screen 3: routes, expected against actual."""
