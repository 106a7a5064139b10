"""Which of a host's findings speaks of what ends a packet's way there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hostgw.model.finding import Finding
from hostgw.model.ip import address_number, maybe_prefix
from hostgw.model.path import Leg

LEAST_WORD = 3
"""Shorter words are in every sentence."""
OF_THE_DESTINATION = 3
"""What it counts, in words, that a finding is about a subnet in which the destination is."""
_WORDS = re.compile(r"[\w./-]+")


def nearest(findings: Iterable[Finding], leg: Leg) -> Finding | None:
    """Return the root finding on the host where `leg` ends that shares most with why it ends; of equals the first."""
    there = [f for f in findings if f.host == leg.host and not f.caused_by and not _is_of_another_way(f, leg)]
    return max(there, key=lambda found: _shared(found, leg), default=None)


def _shared(found: Finding, leg: Leg) -> int:
    text = " ".join((found.code, found.subject, found.summary, *found.evidence)).lower()
    words = {word for word in _WORDS.findall(leg.reason.lower()) if len(word) >= LEAST_WORD}
    return sum(word in text for word in words) + OF_THE_DESTINATION * _is_of_destination(found, leg)


def _is_of_another_way(found: Finding, leg: Leg) -> bool:
    """Tell whether it is about a route to a subnet that the packet does not go to."""
    a_route = found.code.startswith("route-") and maybe_prefix(found.subject) is not None
    return a_route and bool(leg.hops) and not _is_of_destination(found, leg)


def _is_of_destination(found: Finding, leg: Leg) -> bool:
    subnet = maybe_prefix(found.subject)
    return bool(leg.hops) and subnet is not None and subnet.contains(address_number(leg.hops[-1].destination))
