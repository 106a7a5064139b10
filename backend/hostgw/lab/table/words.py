"""Words that the faults share."""

from __future__ import annotations

from typing import Final

C1: Final = "10.239.0.0/24"
"""Subnet of vm1."""
C2: Final = "10.239.1.0/24"
"""Subnet of vm2."""
RIGHT: Final = f"{C2} via 10.5.7.61 dev eth0"
"""The route of vm1 to vm2's subnet, as `ip route` takes it."""
NET: Final = "10.239.0.0/16"
