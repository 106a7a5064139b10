"""Active checks without their packets: which probes to send, and what the answers mean."""
