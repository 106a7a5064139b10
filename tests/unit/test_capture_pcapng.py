from __future__ import annotations

import io
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostgw.agent.tap_tcpdump import PcapSplitter
from hostgw.capture.pcapng import Writer
from tests.unit.capture_frames import echo, frame, ipv4

T = 1_795_345_200_123_456_789


def written() -> bytes:
    sink = io.BytesIO()
    writer = Writer(sink)
    writer.add_tap(7, "vm1/br0", 256)
    writer.write(7, T, 1500, False, frame(ipv4(1, echo(1))))
    writer.add_tap(3, "vm2/c1/eth0")
    writer.add_tap(7, "vm1/br0")
    for extra in range(1, 5):
        writer.write(3, T + extra, 40, True, b"\x02" * (13 + extra))
    writer.statistics(7, T, 100, 5)
    writer.statistics(99, T, 1, 1)
    assert writer.packets == 5
    return sink.getvalue()


@pytest.mark.skipif(not shutil.which("tshark"), reason="needs tshark")
def test_tshark_reads_names_direction_lengths_and_nanoseconds(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcapng"
    path.write_bytes(written())
    fields = ["frame.interface_name", "frame.packet_flags_direction", "frame.time_epoch", "frame.len", "frame.cap_len"]
    argv = ["tshark", "-n", "-r", str(path), "-T", "fields", *(arg for field in fields for arg in ("-e", field))]
    rows = [line.split("\t") for line in _run(argv).splitlines()]
    assert rows[0] == ["vm1/br0", "0x00000001", "1795345200.123456789", "1500", "82"]
    assert rows[1] == ["vm2/c1/eth0", "0x00000002", "1795345200.123456790", "40", "14"]
    assert len(rows) == 5


@pytest.mark.skipif(not shutil.which("capinfos"), reason="needs capinfos")
def test_capinfos_reads_interfaces_and_drops(tmp_path: Path) -> None:
    path = tmp_path / "capture.pcapng"
    path.write_bytes(written())
    text = _run(["capinfos", str(path)])
    assert "Number of packets:   5" in text
    assert "Number of interfaces in file: 2" in text
    assert "Number of stat entries = 1" in text


def _run(argv: list[str]) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 30), st.sampled_from("<>"), st.booleans())
def test_splitter_takes_any_pieces(frames: list[bytes], step: int, order: str, nano: bool) -> None:
    stream = struct.pack(order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 256, 1)
    for number, data in enumerate(frames):
        stream += struct.pack(order + "IIII", 5, number, len(data), len(data) + 9) + data
    splitter = PcapSplitter()
    found = [record for at in range(0, len(stream), step) for record in splitter.feed(stream[at : at + step])]
    scale = 1 if nano else 1000
    expected = [(5 * 10**9 + number * scale, len(data) + 9, data) for number, data in enumerate(frames)]
    assert found == expected


def test_splitter_refuses_what_is_no_pcap() -> None:
    with pytest.raises(ValueError, match="not a pcap"):
        PcapSplitter().feed(b"tcpdump: permission denied.....")
    huge = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 256, 1) + struct.pack("<IIII", 0, 0, 1 << 30, 5)
    with pytest.raises(ValueError, match="record"):
        PcapSplitter().feed(huge)
