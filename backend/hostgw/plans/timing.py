"""How long things may take while a plan is applied; tests take shorter times."""

from __future__ import annotations

from dataclasses import dataclass

ROUND_TRIPS = 15
"""A new connection with agent takes about 7 of them; twice that is generous (measured at 50 ms to 2 s)."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds."""

    ttl_s: float = 30.0
    """A guard takes everything back unless it is confirmed within this time."""
    management_ttl_s: float = 60.0
    """The same for a change that touches the way back to the operator."""
    verify_s: float = 10.0
    """What a change shall mend must be mended within this time."""
    between_s: float = 0.5
    """Probes must pass twice, so far apart."""
    watch_s: float = 15.0
    """How long it is looked whether somebody undoes what was confirmed (flannel takes up to 10 s)."""
    keep_s: float = 600.0
    """How long a host tells how it ended."""

    def ttl(self, rtt_s: float, management: bool) -> float:
        """Return how long the guard of a host waits: slow lines need longer to confirm."""
        return max(self.management_ttl_s if management else self.ttl_s, min(self.ttl_s, 20.0) + ROUND_TRIPS * rtt_s)
