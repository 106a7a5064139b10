"""tshark and pyshark: frames to names for the list, and EK lines to details."""

from __future__ import annotations

import time

from hostgw.capture import pyshark_adapter
from hostgw.capture.dissect import Dissector, Fed
from tests.bench.common import report
from tests.unit.capture_frames import echo, frame, ipv4, tcp, udp

FRAMES, KEPT = 8_000, 2_000
BODIES = ((1, echo(7)), (6, tcp(40000, 80, 1, payload=b"GET / HTTP/1.1\r\n\r\n")), (17, udp(40000, 5353, b"x" * 40)))


def main() -> None:
    dissector = Dissector(budget=FRAMES)
    dissector.start()
    try:
        started = time.perf_counter()
        for serial in range(FRAMES):
            while not dissector.offer(fed(serial)):
                time.sleep(0.001)
        await_all(dissector, started)
        report("frames dissected by tshark for the list", FRAMES / (time.perf_counter() - started), "/s", ">= 2000")
        lines = list(dissector._lines.values())
    finally:
        dissector.close()
    started = time.process_time()
    made = sum(bool(pyshark_adapter.layers(line)) for line in lines)
    report("details of packets by pyshark, CPU", made / (time.process_time() - started), "/s", ">= 2000")


def fed(serial: int) -> Fed:
    protocol, body = BODIES[serial % len(BODIES)]
    data = frame(ipv4(protocol, body, "10.239.0.2", "10.239.1.2", ip_id=serial & 0xFFFF))
    return Fed(serial, 0, "vm1/br0", 1_795_345_200_000_000_000 + serial * 1000, len(data), False, data)


def await_all(dissector: Dissector, started: float) -> None:
    while dissector.statistics().dissected < FRAMES:
        if time.perf_counter() - started > 120:
            raise TimeoutError(f"tshark: {dissector.statistics()}")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
