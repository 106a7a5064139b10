"""What a kernel says, and what we say about it: frozen and typed, without behaviour that reads or writes anything."""
