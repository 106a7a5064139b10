"""The correlator alone: echoes and their replies over the eight taps between two containers."""

from __future__ import annotations

import time

from hostgw.capture.correlate import Correlator
from hostgw.capture.frames import Frame, decode
from hostgw.live.collecting import collect_seldom
from tests.bench.common import report
from tests.unit.capture_frames import echo, frame, ipv4

PACKETS, ENDS = 40_000, ("10.239.0.2", "10.239.1.2")
WAY = ((0, True, 64), (1, False, 64), (2, False, 64), (3, True, 63), (4, False, 63), (5, True, 62), (6, True, 62),
       (7, False, 62))  # fmt: skip
"""Tap, outbound, TTL."""


def main() -> None:
    collect_seldom()
    ways = [way for number in range(PACKETS) for way in _both_ways(number)]
    correlator = Correlator()
    started = time.process_time()
    for tap, time_ns, outbound, seen in ways:
        correlator.add(tap, time_ns, outbound, seen)
    report("sightings correlated, CPU", len(ways) / (time.process_time() - started), "/s", ">= 300000")


def _both_ways(number: int) -> list[tuple[int, int, bool, Frame]]:
    found = []
    for reply in (False, True):
        for step, (tap, outbound, ttl) in enumerate(WAY):
            ends = ENDS[::-1] if reply else ENDS
            body = echo(number & 0xFFFF, identifier=number >> 16, reply=reply)
            raw = frame(ipv4(1, body, *ends, ttl=ttl, ip_id=number & 0xFFFF))
            place = 7 - tap if reply else tap
            found.append((place, (number * 20 + reply * 10 + step) * 1000, outbound, decode(raw)))
    return found


if __name__ == "__main__":
    main()
