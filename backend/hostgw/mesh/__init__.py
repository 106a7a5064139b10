"""What should be: who owns which subnet, and which route every host needs for it."""

from hostgw.inventory.inventory import Intent
from hostgw.mesh.model import Expected, Member, Mesh, Subnet, Underlay

__all__ = ["Expected", "Intent", "Member", "Mesh", "Subnet", "Underlay"]
