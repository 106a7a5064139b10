"""From bare hosts to a host-gw network: what is wished for, and the steps that are missing."""

from hostgw.plans.setup.attach import attach_plan, detach_plan
from hostgw.plans.setup.build import join_plan, leave_plan, setup_plan
from hostgw.plans.setup.docker import Docker
from hostgw.plans.setup.wishes import HostWish, Wishes, wishes

__all__ = [
    "Docker",
    "HostWish",
    "Wishes",
    "attach_plan",
    "detach_plan",
    "join_plan",
    "leave_plan",
    "setup_plan",
    "wishes",
]
