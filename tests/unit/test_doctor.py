"""What the doctor says: what is there, what is missing, what to do about it, and how the command ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from hostgw.fabric import Fabric
from hostgw.model.host_state import HostState
from hostgw.report.doctor import Machine, doctor_code, doctor_report, doctor_text
from hostgw.report.model import DoctorItem, Health
from hostgw_tui.cli import main
from tests.fabrics import healthy

WELL = Machine(
    (3, 12), {"ssh": "9.2p1", "tshark": "4.0"}, 1, 2, True, (120, 40), "xterm-256color", True, "/c/config.toml"
)


def items(machine: Machine = WELL, fabric: Fabric | None = None) -> dict[tuple[str, str], DoctorItem]:
    return {(item.where, item.subject): item for item in doctor_report(machine, fabric).items}


def test_all_is_well() -> None:
    report = doctor_report(WELL, healthy(2))
    assert {item.health for item in report.items} == {Health.OK}
    assert not any(item.remedy for item in report.items)
    assert list(doctor_text(report))[-1] == "Nothing that is needed is missing."
    assert doctor_code(report, healthy(2).hosts.values()) == 0
    assert [item.detail for item in report.items if item.where == "vm1"][1] == "yes"


@pytest.mark.parametrize(
    ("machine", "subject", "health", "said"),
    [
        (replace(WELL, python=(3, 9)), "python", Health.WRONG, "3.11 or later"),
        (replace(WELL, tools={"tshark": "4"}), "ssh", Health.WRONG, "openssh-client"),
        (replace(WELL, tools={"ssh": "9"}), "tshark", Health.MISSING, "install it"),
        (replace(WELL, agent_keys=-1, key_files=0), "ssh keys", Health.MISSING, "ssh-copy-id"),
        (replace(WELL, known_hosts=False), "known_hosts", Health.MISSING, "Log in once"),
        (replace(WELL, terminal=(40, 10)), "terminal", Health.MISSING, "80x24"),
        (replace(WELL, term="dumb"), "terminal", Health.WRONG, "TERM"),
        (replace(WELL, terminal=None), "terminal", Health.MISSING, "commands do not"),
        (replace(WELL, utf8=False), "terminal", Health.OK, "ASCII"),
        (replace(WELL, trouble={"settings": "no setting x"}), "settings", Health.WRONG, "Mend"),
    ],
)
def test_this_machine(machine: Machine, subject: str, health: Health, said: str) -> None:
    item = items(machine)["this machine", subject]
    assert item.health is health
    assert said in item.remedy


def test_hosts() -> None:
    fabric = healthy(3)
    error = "cannot connect: no route to host. Is the machine up?"
    fabric = fabric.with_host(replace(fabric.hosts["vm2"], state=HostState.UNREACHABLE, error=error, snapshot=None))
    snapshot = fabric.hosts["vm3"].snapshot
    assert snapshot
    lacking = ("not root: rules cannot be read", "no nft: nftables rules cannot be read")
    poor = replace(snapshot, facts=structs.replace(snapshot.facts, uid=1000, missing=lacking))
    fabric = fabric.with_host(replace(fabric.hosts["vm3"], snapshot=poor))
    found = items(fabric=fabric)
    away = found["vm2", "connection"]
    assert (away.health, away.remedy) == (Health.WRONG, "Is the machine up?")
    assert "unreachable: cannot connect: no route to host" in away.detail
    assert found["vm3", "root"].health is Health.WRONG
    assert "--sudo" in found["vm3", "root"].remedy
    assert (found["vm3", "nft"].health, found["vm3", "nft"].detail) == (Health.MISSING, "nftables rules cannot be read")
    assert doctor_code(doctor_report(WELL, fabric), fabric.hosts.values()) == 1
    assert doctor_code(doctor_report(WELL, fabric), [fabric.hosts["vm2"]]) == 3


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "hostgw-tui").mkdir()
    (tmp_path / "hostgw-tui" / "config.toml").write_text("nonsense = 1\n")
    assert main(["doctor", "--json"]) == 1
    found = {item["subject"]: item for item in json.loads(capsys.readouterr().out)["items"]}
    assert found["python"]["health"] == "ok"
    assert found["settings"]["health"] == "wrong"
    assert "no setting nonsense" in found["settings"]["detail"]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["doctor"]) == 1
    assert "✗ ssh" in capsys.readouterr().out
