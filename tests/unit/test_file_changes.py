"""Files in previews, commands, the journal and orders to guards."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from hostgw.fabric import Fabric
from hostgw.mesh.build import build
from hostgw.model.change import FileChange, RouteChange, ServiceChange
from hostgw.model.file import HostFile
from hostgw.model.kernel import Route
from hostgw.plans.apply import apply
from hostgw.plans.file_text import unified, writing
from hostgw.plans.journal import Journal
from hostgw.plans.model import Plan, Result, Step
from hostgw.plans.standing import Left, judged
from hostgw.plans.steps import step
from hostgw.plans.undo import undo_plan
from hostgw.report.fix import plan_text
from hostgw.ssh.frames import gated
from hostgw.wire import FilesReply
from tests.fabrics import NIC, healthy, routes
from tests.fake_hosts import QUICK, FakeHosts

PATH = "/etc/sysctl.d/90-hostgw-tui.conf"
ODD = "".join(map(chr, range(1, 256))) + "\\n \\0041 7\x017 %s\u2028 \U0001f600\n'\"$`last"


def on_machine(fabric: Fabric, boot: str, machine_id: str) -> Fabric:
    host = fabric.hosts["vm1"]
    assert host.snapshot
    facts = msgspec.structs.replace(host.snapshot.facts, machine=boot, machine_id=machine_id)
    return fabric.with_host(replace(host, snapshot=replace(host.snapshot, facts=facts)))


def file_step(change: FileChange, fabric: Fabric | None = None) -> Step:
    return step((fabric or healthy(2)).hosts["vm1"], change, "forwarding at boot")


@pytest.mark.parametrize("text", [ODD, "", "one\n", "\\"])
def test_what_is_printed_writes_the_very_text(text: str, tmp_path: Path) -> None:
    path = tmp_path / "it's a file"
    line = writing(str(path), text)
    assert line.isascii()
    assert line.isprintable()
    subprocess.run(["sh", "-c", line], check=True)
    assert path.read_bytes() == text.encode()


def test_the_preview_is_a_diff() -> None:
    change = FileChange(PATH, "a\nb\x1b[0m\nc", "a\nB\nc\n")
    assert unified(change) == (
        f"--- {PATH}",
        f"+++ {PATH}",
        "@@ -1,3 +1,3 @@",
        " a",
        "-b\\x1b[0m",
        "-c",
        "\\ No newline at end of file",
        "+B",
        "+c",
    )
    shown = file_step(change)
    assert (shown.now, shown.wanted) == ((f"{PATH}: 3 lines, mode 644",), (f"{PATH}: 3 lines, mode 644",))
    assert "    +B" in list(plan_text(Plan("files", 1, (shown,))))  # type: ignore[arg-type]


def test_a_new_file_and_a_deleted_one() -> None:
    made = file_step(FileChange(PATH, None, "a\n", 0o600, ("/etc/sysctl.d",)))
    assert made.diff[:2] == ("--- /dev/null", f"+++ {PATH}")
    assert made.now == (f"{PATH}: not there",)
    assert [command.argv for command in made.commands] == [
        ("mkdir", "-m", "755", "/etc/sysctl.d"),
        ("install", "-m", "600", "/dev/null", PATH),
        ("sh", "-c", f"printf %b 'a\\n' > {PATH}"),
    ]
    assert [command.argv for command in made.undo] == [("rm", PATH), ("rmdir", "/etc/sysctl.d")]


def test_what_others_may_not_read_is_not_told_to_a_timer(tmp_path: Path) -> None:
    """A transient unit of systemd can be read by everybody."""
    for mode, told in ((0o644, True), (0o600, False), (0o640, False)):
        change = FileChange(PATH, "password=secret\n", "", mode)
        hosts = FakeHosts()
        apply(Plan("files", 1, (file_step(change),)), hosts, Journal(tmp_path), lambda _: None, QUICK)  # type: ignore[arg-type]
        assert ("secret" in str(hosts.orders["vm1"].undo)) is told


def test_a_file_outlives_a_boot_but_not_a_machine(tmp_path: Path) -> None:
    before = on_machine(healthy(2), "boot-1/1", "machine-1")
    plan = Plan("files", 1, (file_step(FileChange(PATH, None, "a\n"), before),))  # type: ignore[arg-type]
    journal = Journal(tmp_path)
    assert apply(plan, FakeHosts(), journal, lambda _: None, QUICK).result is Result.VERIFIED
    rebooted = on_machine(before, "boot-2/1", "machine-1")
    back = undo_plan(None, journal.entries(), rebooted, build(rebooted))
    assert back.refused == ""
    assert [step.change for step in back.steps] == [FileChange(PATH, "a\n", None)]
    other = on_machine(before, "boot-1/1", "machine-2")
    (found,) = judged(journal.entries(), other)
    assert found.left is Left.ELSEWHERE
    assert "another machine" in found.reason


def test_what_files_hold_passes_as_it_is() -> None:
    """It is compared and written back; names and errors pass the gate."""
    row = HostFile("/etc/netplan/\x1b.yaml", ODD * 9, 0o600, ("/etc/\x1b",), "bad\x1b")
    reply = gated(FilesReply(1, (row,), systemd=True))
    assert isinstance(reply, FilesReply)
    assert reply.systemd
    assert reply.files == (HostFile("/etc/netplan/\\x1b.yaml", ODD * 9, 0o600, ("/etc/\\x1b",), "bad\\x1b"),)


def test_after_a_boot_only_the_files_of_a_change_are_taken_back(tmp_path: Path) -> None:
    """What was changed at run time went with the boot; a daemon is restarted when its file is back."""
    before = on_machine(healthy(2), "boot-1/1", "machine-1")
    route = RouteChange(254, "10.9.0.0/16", (), (Route("10.9.0.0/16", gateway="10.5.7.61", oif=NIC),))
    changes = (FileChange(PATH, None, "a\n"), route, ServiceChange("docker"))
    steps = tuple(step(before.hosts["vm1"], change, "") for change in changes)
    journal = Journal(tmp_path)
    apply(Plan("all", 1, steps), FakeHosts(), journal, lambda _: None, QUICK)  # type: ignore[arg-type]

    def undone(fabric: Fabric) -> list[type]:
        back = undo_plan(None, journal.entries(), fabric, build(fabric))
        assert back.refused == ""
        return [type(step.change) for step in back.steps]

    now = routes(before, "vm1", lambda rows: [*rows, *route.after])
    assert undone(now) == [RouteChange, FileChange, ServiceChange]
    assert undone(on_machine(before, "boot-2/1", "machine-1")) == [FileChange, ServiceChange]
    elsewhere = judged(journal.entries(), on_machine(before, "boot-2/1", "machine-2"))
    assert [each.left for each in elsewhere] == [Left.ELSEWHERE]


def test_secrets_beside_what_is_changed_are_not_shown(tmp_path: Path) -> None:
    held = "[wifi-security]\npsk=hunter2\nwep-key0=hunter2\n[ipv4]\n"
    route = "route1=10.9.0.0/16,10.5.7.61\n"
    change = FileChange("/etc/NetworkManager/system-connections/x", held, held + route, 0o600)
    log: list[str] = []
    apply(Plan("files", 1, (file_step(change),)), FakeHosts(), Journal(tmp_path), log.append, QUICK)  # type: ignore[arg-type]
    shown = unified(change)
    assert "hunter2" not in str([shown, log])
    assert " psk=(not shown)" in unified(msgspec.structs.replace(change, after=held.replace("[ipv4]", "[ipv4]\nx=1")))
    assert "+route1=10.9.0.0/16,10.5.7.61" in shown
    assert any("a file that not everybody may read" in line for line in log)
