"""The list of what was done, and what of it can be taken back."""
