"""One module per command; each has `add_parser` and `run`. None imports Textual."""
