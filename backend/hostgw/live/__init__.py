"""The running whole: sessions feed the fabric, the mesh and the findings follow, plans and captures go out."""

from hostgw.live.engine import Live
from hostgw.live.view import View

__all__ = ["Live", "View"]
