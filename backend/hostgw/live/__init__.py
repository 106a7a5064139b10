"""The running whole: sessions feed the fabric, the mesh and the findings follow, plans and captures go out.

`Live` is brought in when it is first asked for: with it come SSH and all that can be done to hosts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hostgw.live.view import View

if TYPE_CHECKING:
    from hostgw.live.engine import Live

__all__ = ["Live", "View"]


def __getattr__(name: str) -> object:
    if name == "Live":
        from hostgw.live.engine import Live

        return Live
    raise AttributeError(name)
