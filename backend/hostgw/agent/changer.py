"""Make changes, all or none.

A change says what the object was (`before`) and shall be (`after`). Everything is read again before anything is
touched: when an object is neither as `before` nor already as `after`, the preview is stale and nothing is done. Each
change is read back after it is made. When one fails, it and those before it are put back in reverse order. To put back
means "make it as `before`": doing so twice, or to a change that was never made, does no harm.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Optional

from hostgw.agent import (
    change_chain,
    change_device,
    change_file,
    change_link,
    change_nft,
    change_route,
    change_service,
    change_small,
)
from hostgw.agent.watch import Watch

Row = Dict[str, Any]
Watches = Dict[int, Watch]
TRIES, AGAIN_S = 3, 0.2
"""How often, and how far apart, it is tried to put something back."""


def _brief(state: Any) -> str:
    """Return a state in a few words: what of its rows says something."""
    rows = state if isinstance(state, list) else [state]
    texts = [" ".join(f"{k} {v}" for k, v in r.items() if v) if isinstance(r, dict) else str(r) for r in rows]
    return "; ".join(texts)[:300] or "gone"


class Kind:
    """How one kind of change is read, compared and made."""

    def __init__(
        self,
        read: Callable[[Watch, Row], Any],
        same: Callable[[Any, Any], bool],
        make: Callable[[Watch, Row, Any, Any], None],
        reversible: bool = True,
        brief: Optional[Callable[[Any], str]] = None,
        both_ways: bool = False,
    ) -> None:
        self.read, self.same, self.make, self.reversible = read, same, make, reversible
        self.brief = brief or _brief
        self.both_ways = both_ways


KINDS: Dict[str, Kind] = {
    "route": Kind(change_route.read, change_route.same, change_route.make, brief=change_route.brief),
    "rule": Kind(change_small.read_rules, change_small.same_rules, change_small.make_rules),
    "link": Kind(change_link.read_link, change_link.same_link, change_link.make_link),
    "bridge": Kind(change_device.read_bridge, change_small.same, change_device.make_bridge),
    "attachment": Kind(change_device.read_attachment, change_small.same, change_device.make_attachment),
    "address": Kind(change_link.read_addresses, change_link.same_addresses, change_link.make_addresses),
    "neighbour": Kind(change_small.read_neighbour, change_small.same_neighbour, change_small.make_neighbour),
    "sysctl": Kind(change_small.read_sysctls, change_small.same, change_small.make_sysctls),
    "chain": Kind(change_chain.read, change_small.same, change_chain.make),
    "nft-rule": Kind(change_nft.read, change_small.same, change_nft.make),
    "file": Kind(change_file.read, change_small.same, change_file.make, brief=change_file.brief),
    "service": Kind(
        change_chain.no_state, change_chain.never_same, change_service.restart, reversible=False, both_ways=True
    ),
    "conntrack": Kind(change_chain.no_state, change_chain.never_same, change_chain.forget_flows, reversible=False),
}


def stale(changes: List[Row], watches: Watches) -> Row:
    """Return the outcome for a host that is not as the preview saw it; nothing when it is."""
    for place, change in enumerate(changes):
        if detail := _stale(change, watches):
            return {"outcome": "stale", "at": place, "detail": detail, "undone": True}
    return {}


def make(changes: List[Row], watches: Watches, reached: Callable[[int], None]) -> Row:
    """Make `changes`, telling `reached` each place before it is touched; return the outcome.

    The outcome's `undone` says whether a failure was wholly undone.
    """
    for place, change in enumerate(changes):
        touched = place
        try:
            if detail := _stale(change, watches):  # by a change before it, or by somebody else
                raise ValueError(detail)
            reached(place)
            touched = place + 1
            _make(change, watches, change.get("before"), change.get("after"))
        except Exception as error:  # whatever it is, what was done must be undone
            left = take_back(changes[:touched], watches)
            return {"outcome": "failed", "at": place, "detail": _words(error), "undone": not left}
    return {"outcome": "applied", "at": -1, "detail": "", "undone": True}


def _stale(change: Row, watches: Watches) -> str:
    """Return how the host differs from what the preview saw; empty when it does not."""
    kind = KINDS[change["kind"]]
    if not kind.reversible:
        return ""
    if change["ns"] not in watches:
        return f"there is no namespace {change['ns']} any more"
    try:
        now = kind.read(watches[change["ns"]], change)
    except (OSError, ValueError) as error:
        return _words(error)
    if kind.same(now, change["before"]) or kind.same(now, change["after"]):
        return ""
    return f"{change['kind']} is now {kind.brief(now)}"


def _make(change: Row, watches: Watches, before: Any, after: Any) -> None:
    kind = KINDS[change["kind"]]
    watch = watches[change["ns"]]
    if kind.reversible:
        before = kind.read(watch, change)
        if kind.same(before, after):
            return
    kind.make(watch, change, before, after)
    if kind.reversible and not kind.same(now := kind.read(watch, change), after):
        raise ValueError(f"the kernel took the change, but now has {kind.brief(now)}")


def take_back(changes: List[Row], watches: Watches, tries: int = TRIES) -> List[str]:
    """Put back what was changed, the last first; each on its own, so that one failure does not stop the rest.

    Daemons are restarted when all that they read is in place again. Returns what could not be put back, and why; a few
    tries are made at that, but none at a restart, which may take long.
    """
    back = changes[::-1]
    daemons = [change for change in back if KINDS[change["kind"]].both_ways]
    left: List[str] = []
    for attempt in range(tries):
        left = [words for change in back if change not in daemons and (words := _put_back(change, watches))]
        if not left or attempt == tries - 1:
            break
        time.sleep(AGAIN_S)
    return left + [words for change in daemons if (words := _put_back(change, watches))]


def _put_back(change: Row, watches: Watches) -> str:
    kind = KINDS[change["kind"]]
    if not (kind.reversible or kind.both_ways):
        return ""
    try:
        _make(change, watches, change.get("after"), change.get("before"))
    except Exception as error:  # whatever it is, the others are put back all the same
        return f"{change['kind']}: {_words(error)}"
    return ""


def moved(changes: List[Row], watches: Watches) -> str:
    """Return how the first object that is no longer as it was made differs; empty when all are."""
    for change in changes:
        kind = KINDS[change["kind"]]
        if kind.reversible:
            try:
                now = kind.read(watches[change["ns"]], change)
            except (OSError, ValueError, KeyError) as error:
                return f"{change['kind']}: {_words(error)}"
            if not kind.same(now, change["after"]):
                return f"{change['kind']} is now {kind.brief(now)}"
    return ""


def _words(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return f"{text}"[:400]
