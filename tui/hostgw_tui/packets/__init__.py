"""Screen 5: live capture, journeys, hop table."""
