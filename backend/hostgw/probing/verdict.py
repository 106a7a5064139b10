"""What came of a probe, in one word and in one line."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from hostgw.model.probe import ProbeResult

STARTS = (64, 128, 255)
"""TTLs that systems begin with."""


class Verdict(StrEnum):
    """What came of a probe: the worst of what can be said of it."""

    NOT_SENT = "not-sent"
    UNANSWERED = "unanswered"
    SOURCE_REWRITTEN = "source-rewritten"
    DETOUR = "detour"
    LARGE_VANISH = "large-vanish"
    PARTLY_ANSWERED = "partly-answered"
    ANSWERED = "answered"


def expected_hops(result: ProbeResult) -> int:
    """Return how many hosts route such a packet: each end that is a container has one before it."""
    return 0 if result.to_gateway else bool(result.source.ns) + bool(result.destination.ns)


def hops(ttl: int) -> int:
    """Return how often a packet was routed: it began with the next higher usual TTL."""
    return next((start for start in STARTS if start >= ttl), ttl) - ttl


def detour_there(result: ProbeResult) -> int:
    """Return by how many hosts too many the request was routed."""
    return max(0, hops(result.observed_ttl) - expected_hops(result)) if result.observed_ttl else 0


def detour_back(result: ProbeResult) -> int:
    """Return by how many hosts too many the reply was routed."""
    return max(0, hops(result.ttl) - expected_hops(result)) if result.ttl else 0


def rewritten(result: ProbeResult) -> bool:
    """Tell whether the destination saw another source than the one that sent."""
    return bool(result.observed_source) and result.observed_source != result.source.address


def verdict(result: ProbeResult) -> Verdict:
    """Return what came of a probe."""
    said = {
        Verdict.NOT_SENT: bool(result.error),
        Verdict.UNANSWERED: result.unanswered,
        Verdict.SOURCE_REWRITTEN: rewritten(result),
        Verdict.DETOUR: bool(detour_there(result) or detour_back(result)),
        Verdict.LARGE_VANISH: result.large_vanish,
        Verdict.PARTLY_ANSWERED: result.received < result.sent,
    }
    return next((word for word, holds in said.items() if holds), Verdict.ANSWERED)


def line(result: ProbeResult) -> str:
    """Return a probe and all that is odd about it, in one line."""
    return f"{way(result)}: {'; '.join(_told(result)) or 'answered'}"


def way(result: ProbeResult) -> str:
    """Return from where to where."""
    end = "its own gateway" if result.to_gateway else str(result.destination)
    return f"probe {result.source} -> {end}"


def _told(result: ProbeResult) -> Iterator[str]:
    if result.error:
        yield f"not sent: {result.error}"
    elif result.unanswered:
        yield f"no reply ({result.sent} sent)" + (f", {result.refused}" if result.refused else "")
    elif result.received < result.sent:
        yield f"{result.received} of {result.sent} answered"
    if rewritten(result):
        yield f"its source is {result.observed_source} there, not {result.source.address}"
    yield from detours(result)
    if result.large_vanish:
        yield large(result)


def detours(result: ProbeResult) -> Iterator[str]:
    """Yield by which TTL a detour shows, each way."""
    for name, ttl, more in (
        ("request", result.observed_ttl, detour_there(result)),
        ("reply", result.ttl, detour_back(result)),
    ):
        if more:
            yield f"{name} TTL {ttl}: {'one more hop' if more == 1 else f'{more} more hops'} than expected"


def large(result: ProbeResult) -> str:
    """Return what size still passes."""
    passes = f"at most {result.largest} pass" if result.largest else "small ones pass"
    return f"packets of {result.size} bytes vanish, {passes}"


def trace(result: ProbeResult) -> str:
    """Return where request and reply were seen last."""
    request = (
        f"the request was last seen at {result.requested_at[-1]}" if result.requested_at else "no request was seen"
    )
    return request + (f", the reply at {result.replied_at[-1]}" if result.replied_at else ", no reply was seen")
