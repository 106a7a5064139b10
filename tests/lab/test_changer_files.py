"""Configuration files: written and put back exactly, and only where they may be; nothing else is left anywhere."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hostgw.model.change import FileChange, ServiceChange
from hostgw.model.guard import GuardState
from hostgw.plans.commands import commands
from hostgw.plans.reverse import reversed_change
from hostgw.wire import FilesReply, ReadFiles
from tests.lab.agent_rig import Nets, Operator, operator, replaced, wait_for
from tests.lab.test_guard import ended, guards_of, numbers

pytestmark = [
    pytest.mark.lab,
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]
OWN_FILES = """
mount --make-rprivate /
mount -t tmpfs -o mode=755 etc /etc
mount -t tmpfs -o mode=755 lib /var/lib
mount -t tmpfs -o mode=700 root /root
mkdir -m 755 /etc/netplan /etc/sysctl.d /etc/network /etc/network/if-up.d
exec "$@"
"""
OLD = "# by hand\n\tnet.ipv4.ip_forward = 0 \\ 50% 'of' \"it\" $HOME `id` \u00e4\x01\r\nlast"
NEW = "# by hostgw-tui\nnet.ipv4.ip_forward = 1\n"
SYSCTL = "/etc/sysctl.d/90-hostgw-tui.conf"
PLAN = "/etc/netplan/50-cloud.yaml"
DROP_IN = "/etc/systemd/network/10-eth0.network.d/90-hostgw-tui.conf"
PARENTS = ("/etc/systemd", "/etc/systemd/network", "/etc/systemd/network/10-eth0.network.d")


@pytest.fixture
def nets() -> Iterator[Nets]:
    with Nets() as made:
        made.add("h")
        yield made
        for pid in guards_of(made):
            os.kill(pid, 9)


@pytest.fixture
def told(nets: Nets) -> Iterator[Operator]:
    with operator(nets, prefix=("unshare", "--mount", "sh", "-ec", OWN_FILES, "sh")) as found:
        yield found.synced()


def place(told: Operator, path: str) -> Path:
    return Path(f"/proc/{told.pid}/root{path}")


def held(told: Operator, path: str = PLAN, text: str = OLD, mode: int = 0o600, owner: int = 0) -> str:
    place(told, path).write_text(text, newline="")
    place(told, path).chmod(mode)
    os.chown(place(told, path), owner, owner)
    return path


def picture(told: Operator) -> dict[str, tuple[int, int, bytes]]:
    """Everything below /etc and /var/lib: owner, mode, content; without what goes away while it is read."""
    found = {}
    for top in ("/etc", "/var/lib"):
        for path in place(told, top).rglob("*"):
            with suppress(FileNotFoundError):
                status = path.lstat()
                content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
                found[str(path).partition("/root")[2]] = status.st_uid, status.st_mode, content
    return found


def inside(told: Operator, *argv: str) -> None:
    subprocess.run(["nsenter", "--mount", "--target", str(told.pid), *argv], check=True, capture_output=True)


CHANGES = {
    "made": FileChange(SYSCTL, None, NEW),
    "made with directories": FileChange(DROP_IN, None, NEW, parents=PARENTS),
    "made executable": FileChange("/etc/network/if-up.d/hostgw-tui", None, NEW, mode=0o755),
    "replaced": FileChange(PLAN, OLD, NEW, mode=0o600),
    "emptied": FileChange(PLAN, OLD, "", mode=0o600),
    "deleted": FileChange(PLAN, OLD, None, mode=0o600),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_made_twice_and_turned_round_twice(told: Operator, kind: str) -> None:
    change = CHANGES[kind]
    held(told)
    before = picture(told)
    for _ in range(2):
        done = told.apply(change)
        assert done.outcome == "applied", done
    made = picture(told)
    if change.after is None:
        assert change.path not in made
    else:
        assert made[change.path] == (0, 0o100000 | change.mode, change.after.encode())
    back = reversed_change(change)
    assert back
    for _ in range(2):
        done = told.apply(back)
        assert done.outcome == "applied", done
        assert picture(told) == before


@pytest.mark.parametrize("kind", CHANGES)
def test_what_is_printed_does_the_same(told: Operator, kind: str) -> None:
    change = CHANGES[kind]
    held(told)
    before = picture(told)
    back = reversed_change(change)
    assert back
    assert told.apply(change).outcome == "applied"
    typed = {path: row for path, row in picture(told).items() if not path.startswith("/var/lib/hostgw-tui")}
    assert told.apply(back).outcome == "applied"
    for wanted, result in ((change, typed), (back, before)):
        for argv in commands(wanted, told.root):
            assert all(word.isprintable() for word in argv)
            inside(told, *argv)
        if wanted.after is not None and wanted.before is None:  # umask and owner are the shell's own matter
            assert result[wanted.path][1] == picture(told)[wanted.path][1]
        assert picture(told) == result


def test_what_was_replaced_is_kept_and_its_owner_stays(told: Operator) -> None:
    held(told, owner=7)
    before = picture(told)
    first, second = FileChange(PLAN, OLD, NEW, mode=0o600), FileChange(PLAN, NEW, NEW + "# more\n", mode=0o600)
    for change in (first, second):
        assert told.apply(change).outcome == "applied"
    made = picture(told)
    assert made[PLAN] == (7, 0o100600, (NEW + "# more\n").encode())
    kept = {row[2] for path, row in made.items() if path.startswith("/var/lib/hostgw-tui/")}
    assert kept == {OLD.encode(), NEW.encode()}
    assert {row[1] for path, row in made.items() if path.startswith("/var/lib/hostgw-tui/")} == {0o100600}
    for change in (second, first):
        back = reversed_change(change)
        assert back
        assert told.apply(back).outcome == "applied"
    assert picture(told) == before


STALE = {
    "other text": FileChange(PLAN, "something else", NEW, mode=0o600),
    "other mode": FileChange(PLAN, OLD, NEW, mode=0o644),
    "there already": FileChange(PLAN, None, NEW, mode=0o600),
    "not there": FileChange(SYSCTL, OLD, NEW),
    "elsewhere": FileChange("/etc/passwd", None, NEW),
    "upwards": FileChange("/etc/netplan/../passwd", None, NEW),
    "relative": FileChange("etc/netplan/x", None, NEW),
    "beside": FileChange("/etc/nftables.conf.d", None, NEW),
    "container's": FileChange(SYSCTL, None, NEW, ns=1),
}


@pytest.mark.parametrize("kind", STALE)
def test_another_file_than_the_preview_saw_is_left_alone(told: Operator, kind: str) -> None:
    held(told)
    before = picture(told)
    done = told.apply(FileChange(SYSCTL.replace("90", "80"), None, NEW), STALE[kind])
    assert (done.outcome, done.at) == ("stale", 1), done
    assert "by hand" not in done.detail  # what files hold may be secret
    assert picture(told) == before


def test_no_link_leads_elsewhere(told: Operator) -> None:
    held(told, "/etc/victim", "precious", 0o644)
    place(told, SYSCTL).symlink_to("/etc/victim")
    place(told, "/etc/iptables").symlink_to("/etc/netplan")
    place(told, "/etc/sysconfig").mkdir(0o777)
    place(told, "/etc/sysconfig").chmod(0o777)
    os.mkfifo(place(told, "/etc/netplan/pipe"))
    before = picture(told)
    for path, words in (
        (SYSCTL, "is a link"),
        ("/etc/iptables/rules.v4", "is a link"),
        ("/etc/sysconfig/iptables", "is not root's alone"),
        ("/etc/netplan/pipe", "is no regular file"),
    ):
        for text in (None, "precious"):
            done = told.apply(FileChange(path, text, NEW))
            assert done.outcome == "stale", (path, done)
            assert words in done.detail
    assert picture(told) == before


REFUSED = {
    "no directory": FileChange("/etc/iptables/rules.v4", None, NEW),
    "too long": FileChange(SYSCTL, None, "x" * (256 << 10) + "y"),
    "a parent elsewhere": FileChange(SYSCTL, None, NEW, parents=("/etc/systemd",)),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_leaves_nothing_behind(told: Operator, kind: str) -> None:
    held(told)
    before = picture(told)
    done = told.apply(CHANGES["replaced"], CHANGES["made with directories"], REFUSED[kind])
    assert (done.outcome, done.at, done.undone) == ("failed", 2, True), done
    assert picture(told) == before


@pytest.mark.parametrize("where", ["/etc", "/var/lib"])
def test_a_read_only_disk_is_told(told: Operator, where: str) -> None:
    held(told)
    before = picture(told)
    inside(told, "mount", "-o", "remount,ro", where)
    for kind in ("replaced", "made", "deleted"):
        done = told.apply(CHANGES[kind])
        assert (done.outcome, done.undone) == ("failed", True), done
        assert "Read-only file system" in done.detail
        assert picture(told) == before


def test_a_full_disk_is_told(told: Operator) -> None:
    held(told)
    inside(told, "mount", "-o", "remount,size=16k", "/etc")
    before = picture(told)
    done = told.apply(replaced(CHANGES["replaced"], after="x" * 100_000))
    assert (done.outcome, done.undone) == ("failed", True), done
    assert "No space left" in done.detail
    assert picture(told) == before


def test_unconfirmed_is_taken_back(told: Operator) -> None:
    held(told)
    before = picture(told)
    applied, _ = told.arm(CHANGES["replaced"], CHANGES["made with directories"], ttl_s=1.0, keep_s=60.0)
    assert applied.outcome == "applied", applied
    assert place(told, PLAN).read_text() == NEW
    ended(told, GuardState.ROLLED_BACK)
    assert picture(told) == before


def test_a_guard_that_dies_leaves_the_files_as_they_were(nets: Nets, told: Operator) -> None:
    held(told)
    before = picture(told)
    applied, _ = told.arm(CHANGES["replaced"], CHANGES["made with directories"], ttl_s=60.0, keep_s=60.0)
    assert applied.outcome == "applied", applied
    guard, _shadow = guards_of(nets)
    os.kill(guard, 9)
    wait_for(lambda: picture(told) == before)


def test_files_are_read_as_they_are(told: Operator) -> None:
    held(told)
    held(told, "/etc/netplan/blob.yaml", mode=0o644)
    place(told, "/etc/netplan/blob.yaml").write_bytes(b"\xff\xfe")
    place(told, "/etc/netplan/z.yaml").symlink_to("/etc/passwd")
    place(told, "/etc/netplan/deeper").mkdir()
    paths = ("/etc/netplan/", "/etc/systemd/network/", DROP_IN, "/etc/shadow", SYSCTL)
    answer = told.ask(ReadFiles(next(numbers), paths), FilesReply)
    rows = {row.path: row for row in answer.files}
    assert list(rows) == [PLAN, "/etc/netplan/blob.yaml", "/etc/netplan/z.yaml", DROP_IN, "/etc/shadow", SYSCTL]
    assert (rows[PLAN].text, rows[PLAN].mode, rows[PLAN].error) == (OLD, 0o600, "")
    assert rows["/etc/netplan/blob.yaml"].error.endswith("is no UTF-8 text")
    assert rows["/etc/netplan/z.yaml"].error.endswith("is a link")
    assert rows["/etc/shadow"].text is None
    assert "no configuration file" in rows["/etc/shadow"].error
    assert (rows[DROP_IN].text, rows[DROP_IN].missing, rows[DROP_IN].error) == (None, PARENTS, "")
    assert (rows[SYSCTL].text, rows[SYSCTL].missing) == (None, ())


# ---- a daemon that reads the file ----

SYSTEMD = """
mount -t tmpfs run /run
mkdir -p /run/systemd/system /etc/docker
cat > /run/systemctl <<'END'
#!/bin/sh
sleep 2  # longer than a guard may overstay its time
cat /etc/docker/daemon.json >> /run/started
[ ! -e /run/broken ]
END
chmod 755 /run/systemctl
mount --bind /run/systemctl /usr/bin/systemctl
exec "$@"
"""
DAEMON = (FileChange("/etc/docker/daemon.json", "old\n", "new\n"), ServiceChange("docker"))


@pytest.fixture
def daemon(nets: Nets) -> Iterator[Operator]:
    script = OWN_FILES.replace('exec "$@"\n', SYSTEMD)
    with operator(nets, prefix=("unshare", "--mount", "sh", "-ec", script, "sh")) as found:
        held(found.synced(), "/etc/docker/daemon.json", "old\n", 0o644)
        yield found


def started(told: Operator) -> list[str]:
    """What the daemon read, each time that it was started."""
    return place(told, "/run/started").read_text().split()


def test_a_daemon_is_restarted_when_its_file_is_there_and_again_when_it_is_back(daemon: Operator) -> None:
    before = picture(daemon)
    assert daemon.apply(*DAEMON).outcome == "applied"
    assert started(daemon) == ["new"]
    assert daemon.apply(*(back for change in DAEMON if (back := reversed_change(change)))).outcome == "applied"
    assert started(daemon) == ["new", "old"]
    assert picture(daemon) == before


def test_a_guard_that_restarts_a_daemon_while_it_takes_back_does_not_hang(daemon: Operator) -> None:
    before = picture(daemon)
    applied, _ = daemon.arm(*DAEMON, ttl_s=1.0, keep_s=60.0)
    assert applied.outcome == "applied", applied
    guard = ended(daemon, GuardState.ROLLED_BACK)
    assert guard.detail == "nobody confirmed it in time"
    assert started(daemon) == ["new", "old"]
    assert picture(daemon) == before


def test_a_daemon_that_does_not_come_up_has_its_file_put_back(daemon: Operator) -> None:
    before = picture(daemon)
    place(daemon, "/run/broken").touch()
    done = daemon.apply(*DAEMON)
    assert (done.outcome, done.at) == ("failed", 1), done
    assert "docker was not restarted" in done.detail
    assert started(daemon) == ["new", "old"]
    assert picture(daemon) == before


def test_nothing_else_is_restarted(daemon: Operator) -> None:
    for service in ("sshd", "docker; id", "--help"):
        done = daemon.apply(ServiceChange(service))
        assert (done.outcome, "no service" in done.detail) == ("failed", True), done
    assert not place(daemon, "/run/started").exists()
