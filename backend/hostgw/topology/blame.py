"""Which finding a broken edge stands for."""

from __future__ import annotations

from collections.abc import Iterable

from hostgw.model.finding import Finding
from hostgw.model.ip import Prefix, prefix

ABOUT_ROUTES = ("route-", "rule-", "subnet-", "owner-")
"""Beginnings of the codes that a host's standing to a subnet can come from."""


def finding_of(findings: Iterable[Finding], host: str, wanted: Prefix) -> Finding | None:
    """Return the first finding that tells why a host does not reach a subnet."""
    mine = (found for found in findings if found.host == host and found.code.startswith(ABOUT_ROUTES))
    return next((found for found in mine if _about(found.subject, wanted)), None)


def _about(subject: str, wanted: Prefix) -> bool:
    try:
        return wanted.covers(prefix(subject))
    except ValueError:
        return False
