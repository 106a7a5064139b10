"""`explain`: everything in the catalogue can be asked for, read at 80 columns, and needs no host."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from hostgw.checks.catalogue import CODES, ENTRIES, entries_of
from hostgw.errors import UsageError
from hostgw.report.explain import explain_report
from hostgw.report.explain_text import explain_text
from hostgw_tui.cli import main


def text(asked: str, width: int = 80) -> list[str]:
    return list(explain_text(explain_report(asked), width))


def flat(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_list_has_every_code_and_all_that_is_not_detected(width: int) -> None:
    lines = text("", width)
    words = set(flat(lines).replace("(", " ").replace(")", " ").replace(",", " ").split())
    assert set(CODES) <= words
    assert set(ENTRIES) <= words
    assert flat(lines).count(" told ") >= sum(entry.tested == "told" for entry in ENTRIES.values())
    assert max(map(len, lines)) <= max(width, 75)


@pytest.mark.parametrize("asked", [*ENTRIES, *CODES])
def test_everything_can_be_read_at_80_columns(asked: str) -> None:
    lines = text(asked)
    assert max(map(len, lines)) <= 80 or [line for line in lines if len(line) > 80 and " " in line.strip()] == []
    assert not any(line != line.rstrip() for line in lines)


def test_an_entry_in_either_case() -> None:
    told = flat(text("r4"))
    entry = ENTRIES["R4"]
    for part in (entry.symptom, entry.detect, entry.fix, entry.beware, entry.sources):
        assert part in told
    assert "class 1" in told
    assert "hostgw-tui lab break R4" in told
    assert "OWNER: the underlay address" in told
    assert "see also R3, R5" in told
    assert text("R4") == text("r4")


def test_a_code_and_a_finding_show_every_entry_of_it() -> None:
    told = text("route-missing")
    entries = [entry.id for entry in entries_of("route-missing")]
    assert [line.split()[0] for line in told if line.split()[:1] and line.split()[0] in ENTRIES] == entries
    assert text("route-missing/vm1/10.239.1.0/24") == told
    assert text("Route-Missing") == told


def test_a_milder_code_shows_the_entry_of_its_findings() -> None:
    report = explain_report("owner-not-listed")
    assert [entry.id for entry in report.entries] == ["R20"]
    assert report.codes[0].severity == "notice"


def test_what_is_not_detected_says_why() -> None:
    assert f"refused {ENTRIES['C7'].reason}" in flat(text("C7"))
    assert f"only told {ENTRIES['A11'].reason}" in flat(text("A11"))


def test_short_commands_are_not_torn() -> None:
    assert any("`iptables -t raw -I PREROUTING 1 -s NETWORK -d SUBNET -j ACCEPT`" in line for line in text("F10"))


@pytest.mark.parametrize(
    ("asked", "near"),
    [("route-mising", "route-missing"), ("R99", "R9"), ("zzz", "lists all"), ("\x1b[2J", "lists all"), ("/", "lists")],
)
def test_what_is_unknown_names_the_nearest(asked: str, near: str) -> None:
    with pytest.raises(UsageError) as caught:
        explain_report(asked)
    assert near in caught.value.remedy
    assert "\x1b" not in caught.value.what


def test_json_of_one_and_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "n3", "--json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert (one["asked"], [code["name"] for code in one["codes"]]) == ("N3", ["masquerade-between-containers"])
    assert one["entries"][0]["class"] == 1
    assert main(["--json", "explain"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert {entry["id"] for entry in everything["entries"]} == set(ENTRIES)
    assert {code["name"] for code in everything["codes"]} == set(CODES)


def test_it_needs_nothing_heavy() -> None:
    heavy = ("textual", "rich", "paramiko", "pyroute2", "pyshark", "hostgw.live", "hostgw.ssh", "hostgw.agent")
    program = (
        "import sys\nfrom hostgw_tui.cli import main\nassert main(['explain', 'R1']) == 0\n"
        f"sys.exit(' '.join(name for name in {heavy!r} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
