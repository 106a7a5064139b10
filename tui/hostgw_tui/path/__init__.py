"""Screen 6: the predicted way of a packet, and what a probe really did."""
