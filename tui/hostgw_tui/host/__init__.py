"""Screen 2: one host: tree, links with rates, kernel settings."""
