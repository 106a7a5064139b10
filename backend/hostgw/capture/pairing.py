"""Which packet answers which: ICMP echo, ARP, TCP by acknowledged sequence number, UDP by flow, ICMP errors by quote.

A packet that awaits something leaves a ticket under what its answer will carry, and the answer takes it. Taps tell
their frames in bursts, so an answer may well be heard of before its request: then the answer leaves the ticket, and
the request takes it. Tickets are kept in two generations of bounded size, so what finds no match is forgotten.
"""

from __future__ import annotations

from hostgw.capture.frames import (
    ACK,
    ADVERTISEMENT,
    ARP,
    ECHO_REPLIES,
    ECHO_REQUESTS,
    FIN,
    ICMP,
    ICMPV6,
    SOLICITATION,
    SYN,
    TCP,
    UDP,
    Frame,
)

GENERATION = 20_000
"""Tickets that make up a generation; the last two are kept."""

Ticket = tuple[int, ...]


class Pairs:
    """Tickets of packets that await an answer, and of answers that came before their request."""

    def __init__(self) -> None:
        self._awaiting = _Tickets()
        self._early = _Tickets()

    def meet(self, number: int, frame: Frame, *, answers: bool) -> tuple[int, int]:
        """Return the journeys that `frame` answers (if asked for) and that answer it, or 0; note what it awaits."""
        once = frame.protocol == UDP  # each datagram back takes one datagram's ticket
        if once and not answers:
            return 0, 0  # an answer that is translated back asks for nothing
        ticket = answering(frame) if answers else None
        request = self._awaiting.take(ticket, once=once) if ticket else 0
        if ticket and not request and not once:
            self._early.note(ticket, number)
        reply = 0
        if not (once and request):
            for ticket in awaited(frame):
                reply = reply or self._early.take(ticket, once=True)
                self._awaiting.note(ticket, number)
        return request, reply

    def quotable(self, number: int, frame: Frame) -> int:
        """Note that an ICMP error may quote a packet as this frame too; return the journey of one that did, or 0."""
        ticket = _quote(frame)
        self._awaiting.note(ticket, number)
        return self._early.take(ticket, once=True)


class _Tickets:
    def __init__(self) -> None:
        self._young: dict[Ticket, int] = {}
        self._old: dict[Ticket, int] = {}

    def note(self, ticket: Ticket, number: int) -> None:
        if len(self._young) >= GENERATION:
            self._old, self._young = self._young, {}
        self._young[ticket] = number

    def take(self, ticket: Ticket, *, once: bool) -> int:
        if once:
            return self._young.pop(ticket, 0) or self._old.pop(ticket, 0)
        return self._young.get(ticket, 0) or self._old.get(ticket, 0)


def awaited(frame: Frame) -> list[Ticket]:
    """Return the tickets under which answers to a packet will look."""
    tickets = []
    if frame.version > 0 and frame.length >= 0:
        tickets.append(_quote(frame))
    if frame.protocol in (ICMP, ICMPV6):
        if frame.kind in ECHO_REQUESTS:
            tickets.append((ICMP, frame.source, frame.destination, frame.icmp_id, frame.sequence))
        elif frame.protocol == ICMPV6 and frame.kind == SOLICITATION:
            tickets.append((ICMPV6, frame.source, frame.sequence))
    elif frame.protocol == TCP:
        size = frame.payload + bool(frame.flags & SYN) + bool(frame.flags & FIN)
        if size > 0 and frame.flags >= 0:
            tickets.append((TCP, *_flow(frame), (frame.sequence + size) & 0xFFFFFFFF))
    elif frame.protocol == UDP and not frame.fragment:
        tickets.append((UDP, *_flow(frame)))
    elif frame.ethertype == ARP and frame.kind == 1:
        tickets.append((ARP, frame.source, frame.destination))
    return tickets


def answering(frame: Frame) -> Ticket | None:
    """Return the ticket that a packet takes if it is an answer."""
    if frame.quoted is not None:
        return _quote(frame.quoted)
    if frame.protocol in (ICMP, ICMPV6):
        if frame.protocol == ICMPV6 and frame.kind == ADVERTISEMENT:
            return (ICMPV6, frame.destination, frame.sequence)
        if frame.kind not in ECHO_REPLIES:
            return None
        return (ICMP, frame.destination, frame.source, frame.icmp_id, frame.sequence)
    if frame.protocol == TCP and frame.flags >= 0 and frame.flags & ACK:
        return (TCP, *_flow(frame, back=True), frame.ack)
    if frame.protocol == UDP and not frame.fragment:
        return (UDP, *_flow(frame, back=True))
    if frame.ethertype == ARP and frame.kind == 2:
        return (ARP, frame.destination, frame.source)
    return None


def _flow(frame: Frame, *, back: bool = False) -> tuple[int, int, int, int]:
    if back:
        return frame.destination, frame.source, frame.destination_port, frame.source_port
    return frame.source, frame.destination, frame.source_port, frame.destination_port


def _quote(frame: Frame) -> Ticket:
    """Return what an ICMP error quotes of a packet; it quotes the addresses of the tap it passes."""
    return (-frame.protocol, frame.ip_id, frame.length, frame.source, frame.destination, frame.sequence)
