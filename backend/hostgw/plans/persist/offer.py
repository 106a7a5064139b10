"""Whether what a plan did is worth being made lasting."""

from __future__ import annotations

from hostgw.model.change import AddressChange, BridgeChange, ChainChange, RouteChange, SysctlChange
from hostgw.plans.model import Plan

OF_BOOT = RouteChange | BridgeChange | AddressChange | SysctlChange | ChainChange
OFFER = "these changes last until the next reboot"


def may_last(plan: Plan) -> bool:
    """Tell whether a plan changed something of a host itself that files can bring back at boot."""
    changes = (step.change for step in plan.steps)
    return not plan.undoes and any(isinstance(change, OF_BOOT) and change.ns == 0 for change in changes)
