"""`watch` as a process: metrics over HTTP in the operator's namespace, lines as things change, an orderly end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hostgw import lab as labs
from hostgw.lab import Lab
from hostgw.report.model import WatchReport
from tests.lab.cli_hosts import Names, agents
from tests.lab.conftest import Run
from tests.lab.ssh_arena import until

pytestmark = pytest.mark.lab
FETCH = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=9).read().decode())"
OPERATOR = "import sys, hostgw.lab, os; hostgw.lab.enter_operator(sys.argv[1]); os.execvp(sys.argv[2], sys.argv[2:])"


class Watcher:
    """The program, and what it has said by now."""

    def __init__(self, lab: Lab, folder: Path, words: tuple[str, ...]) -> None:
        self._lab, self._out, self._err = lab, folder / "out", folder / "err"
        argv = [sys.executable, "-m", "hostgw_tui", "watch", "--lab", lab.name, *words]
        environment = {**os.environ, "XDG_STATE_HOME": str(folder), "PYTHONUNBUFFERED": "1"}
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(argv, stdout=out, stderr=err, text=True, env=environment)

    @property
    def narration(self) -> str:
        return self._err.read_text()

    @property
    def text(self) -> str:
        return self._out.read_text()

    @property
    def reports(self) -> list[WatchReport]:
        whole = self.text.rpartition("\n")[0].splitlines()
        return [msgspec.json.decode(line, type=WatchReport) for line in whole]

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(r.event.value, r.finding.id if r.finding else r.host or "") for r in self.reports]

    def metrics(self) -> dict[tuple[str, tuple[str, ...]], float]:
        """Scrape once; samples by name and values of labels in the order of the labels' names."""
        url = self.narration.split("metrics: ")[1].split()[0]
        argv = [sys.executable, "-c", OPERATOR, self._lab.name, sys.executable, "-c", FETCH, url]
        text = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30).stdout
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return {(s.name, tuple(value for _, value in sorted(s.labels.items()))): s.value for s in samples}


@contextmanager
def watching(lab: Lab, folder: Path, *words: str) -> Iterator[Watcher]:
    """A watcher that has told the state at the start."""
    made = Watcher(lab, folder, ("--listen", "127.0.0.1:0", *words))
    try:
        until(lambda: made.text or made.process.poll() is not None, 40)
        assert made.process.poll() is None, made.narration
        yield made
        assert "Traceback" not in made.narration, made.narration
    finally:
        made.process.kill()
        made.process.wait()


def ended(made: Watcher, number: signal.Signals, lab: Lab) -> int:
    made.process.send_signal(number)
    code = made.process.wait(20)
    until(lambda: not agents(lab), 15)
    return code


def test_a_fault_comes_and_goes(shared_lab: Lab, tmp_path: Path) -> None:
    finding = "route-missing/vm1/10.239.1.0/24"
    series = ("hostgw_findings", ("route-missing", "vm1", "error"))
    with watching(shared_lab, tmp_path, "--json") as made:
        (start,) = made.reports
        assert start.picture
        assert [host.state.value for host in start.picture.hosts] == ["up"] * 3
        before = made.metrics()
        assert series not in before
        assert before["hostgw_routes_present", ("vm1",)] == before["hostgw_routes_expected", ("vm1",)] == 2
        labs.break_(shared_lab.name, "R1")
        until(lambda: ("appeared", finding) in made.events, 15)
        broken = made.metrics()
        assert broken[series] == 1
        assert broken["hostgw_routes_present", ("vm1",)] == 1
        labs.heal(shared_lab.name)
        until(lambda: ("gone", finding) in made.events, 15)
        healed = made.metrics()
        assert healed[series] == 0
        assert healed["hostgw_routes_present", ("vm1",)] == 2
        assert ended(made, signal.SIGTERM, shared_lab) == 0


def test_counters_are_those_of_the_moment(shared_lab: Lab, tmp_path: Path) -> None:
    bytes_of = ("hostgw_link_receive_bytes_total", ("vm1", "br0"))
    with watching(shared_lab, tmp_path) as made:
        first = made.metrics()
        peer = str(shared_lab.host("vm2").container_address("c1"))
        shared_lab.exec("vm1", ["ping", "-c3", "-i0.2", "-s1000", peer], "c1", capture_output=True, check=True)
        until(lambda: made.metrics()[bytes_of] >= first[bytes_of] + 3 * 1000, 15)
        now = made.metrics()
        rules = {key[1][-1] for key in now if key[0] == "hostgw_rule_packets_total"}
        assert any("POSTROUTING" in key[1] for key in now if key[0] == "hostgw_rule_packets_total"), rules
        assert {key[1][1] for key in now if key[0] == "hostgw_link_up"} == {"eth0", "br0"}
        pictures = now["hostgw_check_duration_seconds_count", ()] - first["hostgw_check_duration_seconds_count", ()]
        assert pictures < 10  # counting makes no work for the checks
        assert ended(made, signal.SIGINT, shared_lab) == 130


def test_a_host_that_goes_and_comes_back(shared_lab: Lab, tmp_path: Path) -> None:
    with watching(shared_lab, tmp_path, "--json") as made:
        pid = next(line.split()[1] for line in agents(shared_lab) if line.startswith("vm3:"))
        shared_lab.exec("vm3", ["kill", "-9", pid], check=True)
        until(lambda: made.events.count(("host", "vm3")) >= 2, 30)
        states = [r.state.value for r in made.reports if r.host == "vm3" and r.state]
        assert (states[0], states[-1]) == ("stale", "up")
        until(lambda: made.metrics()["hostgw_reconnects_total", ("vm3",)] == 1, 15)
        assert made.metrics()["hostgw_host_up", ("vm3",)] == 1
        assert ended(made, signal.SIGHUP, shared_lab) == 129


def test_nobody_is_reached_and_the_watcher_stays(shared_lab: Lab, tmp_path: Path) -> None:
    names = Names(shared_lab, tmp_path)
    names.add("vm1", names.address("vm1"), key=names.stranger())
    names.add("vm2", "10.5.7.199")
    words = ("--hosts", "vm1,vm2", "--ssh-config", str(names.path), "--json")
    with watching(shared_lab, tmp_path, *words) as made:
        assert "vm1: " in made.narration
        assert "vm2: " in made.narration
        found = made.metrics()
        assert found["hostgw_host_state", ("vm1", "auth-failed")] == 1
        assert [found["hostgw_host_up", (name,)] for name in ("vm1", "vm2")] == [0, 0]
        assert found["hostgw_settled", ()] == 1
        assert ended(made, signal.SIGTERM, shared_lab) == 0


def test_probes(shared_lab: Lab, tmp_path: Path) -> None:
    with watching(shared_lab, tmp_path, "--json", "--probe", "--every", "1") as made:
        assert made.reports[0].picture
        assert made.reports[0].picture.probes
        answered: Any = made.metrics()["hostgw_probes", ("vm1", "answered")]
        assert answered >= 1
        assert ended(made, signal.SIGTERM, shared_lab) == 0


def test_a_reader_that_goes_ends_it(shared_lab: Lab) -> None:
    """Although nothing happens that would be told."""
    argv = [sys.executable, "-m", "hostgw_tui", "watch", "--lab", shared_lab.name, "--listen", "none", "--json"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stderr
            assert json.loads(process.stdout.readline())["event"] == "start"
            process.stdout.close()
            assert process.wait(20) == 141
            assert process.stderr.read() == ""
        finally:
            process.kill()
    until(lambda: not agents(shared_lab), 15)


def test_a_reader_that_does_not_read_holds_up_nothing(shared_lab: Lab) -> None:
    argv = [sys.executable, "-m", "hostgw_tui", "watch", "--lab", shared_lab.name, "--listen", "none", "--json"]
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while os.write(write, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(write, True)
    with subprocess.Popen(argv, stdout=write, stderr=subprocess.DEVNULL) as process:
        try:
            os.close(write)
            until(lambda: "pipe" in Path(f"/proc/{process.pid}/wchan").read_text(), 40)  # it waits for the reader
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
            os.close(read)
    until(lambda: not agents(shared_lab), 15)


def test_a_taken_port_and_a_wide_one(shared_lab: Lab, hostgw: Run, tmp_path: Path) -> None:
    with watching(shared_lab, tmp_path) as made:
        taken = made.narration.split("http://")[1].split("/")[0]
        refused = hostgw("watch", "--lab", shared_lab.name, "--listen", taken, code=2)
        assert refused.stderr.count("error:") == 1
        assert f"cannot listen on {taken}" in refused.stderr
        assert refused.stdout == ""
    with watching(shared_lab, tmp_path, "--listen", "0.0.0.0:0") as wide:
        assert "anybody who reaches 0.0.0.0:" in wide.narration
        assert ended(wide, signal.SIGTERM, shared_lab) == 0
