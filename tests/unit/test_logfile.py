"""The log file: one clean line for a record, no secret, no other reader, bounded."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostgw import logfile, redact
from hostgw.errors import UsageError
from hostgw.logfile import LOGGERS, Level
from hostgw.redact import HIDDEN, redacted
from hostgw.ssh.discreet import Discreet
from hostgw.ssh.prompter import Refuse
from hostgw_tui.cli import main

SECRET = "s3cr3t'\"\\pass"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error|critical) +[\w.-]+: .*")


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every logger is as it was, and no secret stays known."""
    monkeypatch.setattr(redact, "_secrets", set())
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    before = {name: (logging.getLogger(name).level, logging.getLogger(name).propagate) for name in LOGGERS}
    yield
    for name, (level, propagate) in before.items():
        logger = logging.getLogger(name)
        for handler in [each for each in logger.handlers if isinstance(each, logfile._Private)]:
            logger.removeHandler(handler)
            handler.close()
        logger.setLevel(level)
        logger.propagate = propagate


class Answering(Refuse):
    """Gives one secret to every question."""

    def password(self, host: str, prompt: str) -> str | None:
        return SECRET

    def passphrase(self, host: str, keyfile: str) -> str | None:
        return SECRET

    def sudo_password(self, host: str) -> str | None:
        return SECRET


@pytest.mark.parametrize("ask", [("password", "vm1", "?"), ("passphrase", "vm1", "k"), ("sudo_password", "vm1")])
def test_a_secret_never_reaches_the_file(tmp_path: Path, ask: tuple[str, ...]) -> None:
    path = tmp_path / "log"
    logfile.start(path, Level.DEBUG)
    assert getattr(Discreet(Answering()), ask[0])(*ask[1:]) == SECRET
    logging.getLogger("paramiko.transport").debug("sent %r", {"answer": SECRET})
    try:
        raise ValueError(f"no user root with {SECRET}")
    except ValueError:
        logging.getLogger("hostgw.ssh").exception("login with %s", SECRET)
    text = path.read_text()
    assert "s3cr3t" not in text
    assert text.count(HIDDEN) >= 3
    assert "ValueError" in text


def test_keys_and_what_is_called_a_password_are_left_out() -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE=\n-----END OPENSSH PRIVATE KEY-----"
    assert redacted(f"read {key}!") == f"read {HIDDEN}!"
    assert redacted("password=hunter2 user=root") == f"password={HIDDEN} user=root"
    assert redacted("Passphrase: 'a b' given") == f"Passphrase: {HIDDEN} given"
    assert redacted("the password is asked") == "the password is asked"


def test_a_record_is_one_clean_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    logfile.start(path)
    logging.getLogger("hostgw.live").info("vm1: %s", "a\nb\x1b[31m\u202e" + "x" * 5000)
    logging.getLogger("hostgw.live").debug("not at this level")
    logging.getLogger("hostgw").info("wrong %d", "words")
    lines = path.read_text().splitlines()
    assert len(lines) == 2
    assert all(LINE.fullmatch(line) and line.isprintable() and len(line) < 2100 for line in lines)
    assert r"a\x0ab\x1b[31m" in lines[0]


def test_only_the_owner_reads_it_and_no_link_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    logfile.start(path)
    assert path.stat().st_mode & 0o777 == 0o600
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "other")
    with pytest.raises(UsageError, match="cannot be written"):
        logfile.start(link)
    assert not (tmp_path / "other").exists()
    with pytest.raises(UsageError, match="cannot be written"):
        logfile.start(tmp_path / "no" / "log")


def test_it_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "MOST_BYTES", 10_000)
    path = tmp_path / "log"
    logfile.start(path)
    for number in range(2_000):
        logging.getLogger("hostgw").info("line %d", number)
    files = sorted(tmp_path.iterdir())
    assert [each.name for each in files] == ["log", "log.1", "log.2"]
    assert all(each.stat().st_size <= 10_000 and each.stat().st_mode & 0o777 == 0o600 for each in files)


def test_what_a_thread_did_not_catch_is_logged(tmp_path: Path) -> None:
    path = tmp_path / "log"
    logfile.start(path)
    thread = threading.Thread(target=lambda: [][1], name="hostgw-odd")
    thread.start()
    thread.join()
    text = path.read_text()
    assert "hostgw-odd ended by itself" in text
    assert "  | IndexError" in text


def test_commands_without_hosts_log_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--log", str(tmp_path / "log"), "explain", "R1"]) == 0
    assert "explain of None" not in (text := (tmp_path / "log").read_text())
    assert "explain" in text
    assert "route-missing" in capsys.readouterr().out
