"""What a kernel would do with a packet: look-up in its routes and rules, walk through its filter and NAT rules."""
