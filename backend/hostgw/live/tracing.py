"""Send a probe along a predicted way, and watch it at every tap of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, cast

from msgspec import structs

from hostgw.capture.clocks import Timing
from hostgw.capture.expected import Pair, as_predicted, compared
from hostgw.capture.frames import ECHO_REQUESTS, ICMP, TCP, UDP, Frame
from hostgw.capture.journeys import JourneyView, Verdict
from hostgw.capture.tap_points import TapPoint, TapState
from hostgw.capture.taps import Capture
from hostgw.capture.verdicts import wants_answer
from hostgw.capture.view import Settings
from hostgw.clean import clean
from hostgw.errors import CaptureError, HostgwError, UsageError
from hostgw.live.points import default_points, points_along
from hostgw.model.ip import address_number
from hostgw.model.path import End, Hop, Outcome, Prediction, Query
from hostgw.paths.predict import predict
from hostgw.paths.predict.ends import node_of
from hostgw.paths.predict.link import Asked
from hostgw.wire import ArpProbe, ArpProbeReply, Contact, Probe, ProbeAnswer, ProbeReply

if TYPE_CHECKING:
    from hostgw.live.engine import Live

WINDOW_NS: Final = 1_000_000_000
"""How long a packet may be under way before it is lost: more than a round trip on a segment, with ARP, ever takes."""
MOST_TAPS: Final = 64
"""Beside the taps on the predicted way, so many on other hosts: where a packet goes astray is then seen, too."""
OPEN_S: Final = 5.0
WITNESS_S: Final = 1.0
"""How long a host may take to say whether its kernel tells of what it drops; a probe does not wait longer for that."""
SETTLE_S: Final = 4.0
LINGER_S: Final = 0.5
"""How long what is settled may still get more sightings: taps tell their frames in bursts."""
TICK_S: Final = 0.02
ARP_MS: Final = 400
OWN_LINK: Final = 2
"""Hops of a container's own link: its eth0 and the host's end of it."""
MOST_ASKED: Final = 4
"""Next hops that are asked for on the way there and back."""


@dataclass(frozen=True)
class Traced:
    """One probe and its answer, beside what was predicted."""

    request: JourneyView
    reply: JourneyView | None
    timing: Timing
    """By which the times of both are told."""
    verdict: Verdict
    there: tuple[Pair, ...]
    back: tuple[Pair, ...]
    error: Frame | None = None
    """What a router said of it by ICMP."""

    @property
    def predicted(self) -> bool:
        """It went as predicted, both ways."""
        return as_predicted(self.there) and as_predicted(self.back)


@dataclass(frozen=True)
class Tracing:
    """All that came of it."""

    prediction: Prediction
    points: dict[int, TapPoint]
    probes: tuple[Traced, ...]
    capture: Capture
    refused: bool = False
    """The last connection or datagram was refused: nobody listens on that port."""

    @property
    def never_left(self) -> bool:
        """No tap saw a probe, and the prediction ends at the source's own link: without ARP nothing goes out there."""
        leg = self.prediction.forward
        return not self.probes and leg.outcome is Outcome.LOST and len(leg.hops) <= OWN_LINK

    def missed(self, each: Traced) -> tuple[Hop, Hop] | None:
        """Return where a host sent a probe, and where the next one saw nothing of it; None when it was lost inside."""
        watched = {point.name for point in self.points.values()}
        for (hop, seen, *_), (after, then, *_) in pairwise(each.there):
            if hop and after and seen and not then and hop.host != after.host and after.place in watched:
                return hop, after
        return None

    @property
    def works(self) -> bool:
        """Every probe was answered on the predicted way; of a datagram it is enough that it arrived."""
        fine = {Verdict.ANSWERED, *([Verdict.DELIVERED] if self.prediction.query.protocol == "udp" else [])}
        return bool(self.probes) and all(p.verdict in fine and p.predicted for p in self.probes)


def trace(live: Live, source: End, destination: End, count: int = 1, query: Query | None = None) -> Tracing:
    """Open taps, send echo requests (or, by `query`, open TCP connections or send datagrams), see what becomes of them.

    Raises:
        UsageError: the source is not on a listed host, or nothing would pass a tap, for both ends are one namespace.
        CaptureError: a tap would feed on our own SSH connection, or none opens.
        HostgwError: the source cannot send.
    """
    prediction = predicted(live, source, destination, query)
    if not prediction.forward.hops and prediction.forward.outcome is Outcome.DELIVERED:
        raise UsageError(f"{prediction.destination} is {prediction.source} itself", "", "Nothing would pass a tap.")
    points = _points(live, prediction)
    capture = live.captures.start(points, _expression(prediction.query), settings=Settings(window_ns=WINDOW_NS))
    try:
        _await_open(capture)
        answers = _send(live, prediction, count)
        probes = _await_verdicts(capture, prediction, count)
    finally:
        live.captures.stop()
    refused = bool(answers) and answers[-1].kind == "refused"
    return Tracing(prediction, dict(enumerate(points)), probes, capture, refused)


def predicted(live: Live, source: End, destination: End, query: Query | None = None) -> Prediction:
    """Predict, and ask by ARP who takes what the neighbour tables say nothing of yet."""
    heard: dict[Asked, tuple[str, ...]] = {}
    for _ in range(MOST_ASKED):
        found = predict(live.view().fabric, source, destination, query, heard)
        asks = [*found.forward.asks, *(found.back.asks if found.back else ())]
        answers = {ask: macs for ask in asks if (macs := _answers(live, *ask)) is not None}
        if not answers:
            break
        heard |= answers
    return found


def _answers(live: Live, host: str, index: int, address: str) -> tuple[str, ...] | None:
    """Ask on the link who has an address; None where that cannot be asked."""
    asked = live.ask(host, lambda number: ArpProbe(number, index, (address,), ARP_MS))
    try:
        reply = cast("ArpProbeReply", asked.result(SETTLE_S))
    except (HostgwError, TimeoutError):
        return None
    return tuple(clean(answer.mac, 20) for answer in reply.answers if answer.address == address)


def _points(live: Live, prediction: Prediction) -> tuple[TapPoint, ...]:
    """Return the taps on the way, both ways, then those where a packet that goes astray would be seen."""
    along = points_along(live.view(), prediction)
    others = [p for p in default_points(live.view()) if p not in along]
    return (*along, *others[:MOST_TAPS])


def _await_open(capture: Capture) -> None:
    until = _in(OPEN_S)
    while TapState.OPENING in (states := {tap.state for tap in capture.view(0).taps}) and time.monotonic() < until:
        time.sleep(TICK_S)
    if TapState.OPEN not in states:
        reasons = {tap.reason for tap in capture.view(0).taps if tap.reason}
        raise CaptureError("no tap could be opened", "; ".join(sorted(reasons)))
    hosts, until = {tap.point.host for tap in capture.view(0).taps if tap.state is TapState.OPEN}, _in(WITNESS_S)
    while not hosts <= set(capture.blind) and time.monotonic() < until:
        time.sleep(TICK_S)


def _in(seconds: float) -> float:
    return time.monotonic() + seconds


def _expression(query: Query) -> str:
    """Return the capture filter: the probe, its answers, and errors about it."""
    return "icmp" if query.protocol == "icmp" else f"icmp or ({query.protocol} port {query.port})"


def _send(live: Live, prediction: Prediction, count: int) -> tuple[ProbeAnswer, ...]:
    """Send the probes; return what the source heard."""
    source, target, query = prediction.source, prediction.destination.address, prediction.query
    node = node_of(live.view().fabric, source)
    if node is None:
        raise CaptureError(f"{source} cannot send", "it is not on a listed host")
    if query.protocol == "icmp":
        echo = Probe(0, node.ns, target, count, dont_fragment=query.whole, source=source.address)
        echo = structs.replace(echo, size=query.size or echo.size)
        return _heard(live, source.host, echo, SETTLE_S + count)
    contact = Contact(0, node.ns, query.protocol, target, query.port, source.address)
    contact = structs.replace(contact, size=query.size, dont_fragment=query.whole)
    return tuple(each for _ in range(count) for each in _heard(live, source.host, contact, SETTLE_S))


def _heard(live: Live, host: str, probe: Probe | Contact, seconds: float) -> tuple[ProbeAnswer, ...]:
    asked = live.ask(host, lambda number: structs.replace(probe, id=number), seconds)
    return cast("ProbeReply", asked.result(seconds)).answers


def _await_verdicts(capture: Capture, prediction: Prediction, count: int) -> tuple[Traced, ...]:
    """Wait until it is settled what became of every probe."""
    until, settled = time.monotonic() + SETTLE_S, 0.0
    while True:
        found = list(probes(capture, prediction))[:count]
        now = time.monotonic()
        over = len(found) == count and all(each.verdict is not Verdict.IN_FLIGHT for each in found)
        settled = (settled or now) if over else 0.0
        if (over and all(each.predicted for each in found)) or now > (settled + LINGER_S if settled else until):
            return tuple(found)
        time.sleep(TICK_S)


def probes(capture: Capture, prediction: Prediction) -> Iterator[Traced]:
    """Yield the probes that a capture has seen, each beside the prediction."""
    points = {tap.tap: tap.point for tap in capture.view(0).taps if tap.state is not TapState.CLOSED}
    ends = address_number(prediction.source.address), address_number(prediction.destination.address)
    for view in capture.view(1000).journeys:
        frame = view.first.frame
        if (frame.source, frame.destination) == ends and _asks(frame, prediction.query):
            yield _one(capture, view, prediction, points)


def _asks(frame: Frame, query: Query) -> bool:
    """Tell whether a packet is a probe of ours: an echo request, the first segment or the datagram to the port."""
    if query.protocol == "icmp":
        return frame.protocol == ICMP and frame.kind in ECHO_REQUESTS
    if frame.destination_port != query.port:
        return False
    return frame.protocol == UDP if query.protocol == "udp" else frame.protocol == TCP and wants_answer(frame)


def _one(capture: Capture, view: JourneyView, prediction: Prediction, points: dict[int, TapPoint]) -> Traced:
    answer = capture.journey(view.reply) if view.reply else None
    timing = capture.timing(view)  # after the answer was fetched, lest it have sightings of which nothing is told
    request, reply = timing.applied(view), timing.applied(answer) if answer else None
    outside = prediction.forward.outcome is Outcome.OUTSIDE
    there = compared(prediction.forward, request.sightings, points)
    answered = reply is not None or prediction.query.protocol != "udp"
    seen = reply.sightings if reply else ()
    back = compared(prediction.back, seen, points, known_ttl=not outside) if answered else ()
    error = capture.journey(view.error) if view.error else None
    said = error.first.frame if error else None
    return Traced(request, reply, timing, capture.verdict(view), there, back, said)
