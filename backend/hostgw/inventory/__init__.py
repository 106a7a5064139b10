"""Where hosts come from: a list, a file."""
