"""The command line, the payload, and the dialogue until the agent speaks."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from hostgw.errors import HostError, ProtocolError
from hostgw.model.host_state import HostState
from hostgw.ssh import payload, remote_command
from hostgw.ssh.bootstrap import MAX_NOISE, Wishes, start_agent
from hostgw.ssh.stderr_tail import StderrTail

from .ssh_fakes import FakeProcess, FakeTransport

STAGE = b"00000003abc"


def start(process: FakeProcess, **wishes: object) -> tuple[bytes, FakeTransport]:
    transport = FakeTransport(process)
    started = start_agent(transport, Wishes("vm1", **{"deadline_s": 0.5, **wishes}), b"first", STAGE)  # type: ignore[arg-type]
    return started.early, transport


def test_marker_after_noise() -> None:
    for chunks in ([b"motd\nTOKEN go\nearly"], [b"x" * 200_000, None, b"\nTOKEN go\nearly"], [b"TOKEN go\nearly"]):
        process = FakeProcess(chunks)
        assert start(process)[0] == b"early"
        assert process.written == STAGE + b"first"


def test_marker_cut_in_two_and_marker_twice() -> None:
    process = FakeProcess([b"\nTOKEN g", b"o\nTOKEN go\n"])
    early, _ = start(process)
    assert early.endswith(b" go\n")


def test_noise_is_bounded() -> None:
    process = FakeProcess([b"x" * 65_536] * 16 + [b"TOKEN go\n"])
    with pytest.raises(ProtocolError, match=f"{MAX_NOISE >> 10} KiB"):
        start(process)
    assert process.closed


def test_silence_ends_at_the_deadline() -> None:
    process = FakeProcess([None] * 100_000_0)
    with pytest.raises(HostError, match="did not start") as caught:
        start(process, deadline_s=0.05)
    assert caught.value.state is HostState.TIMEOUT


def test_no_python_names_what_was_found() -> None:
    found = b"motd TOKEN none python3 3.6.8 /usr/bin/python3; platform-python 3.6.8 /usr/libexec/platform-python; "
    with pytest.raises(HostError) as caught:
        start(FakeProcess([found], status=97))
    assert caught.value.state is HostState.NO_PYTHON
    assert "python3 is 3.6.8 at /usr/bin/python3" in str(caught.value)
    assert "needs 3.9" in str(caught.value)
    with pytest.raises(HostError, match="neither") as caught:
        start(FakeProcess([b" TOKEN none "], status=97))
    assert caught.value.state is HostState.NO_PYTHON


def test_last_error_line_is_told_clean() -> None:
    with pytest.raises(HostError, match=r"exit status 1\): ValueError: \\x1b\[2J"):
        start(FakeProcess([b""], b"Traceback\n  x\nValueError: \x1b[2J\n", status=1))


def sudo_marker(transport: FakeTransport) -> bytes:
    return next(word for word in shlex.split(transport.command) if word.startswith("sudo-")).encode()


class SudoProcess(FakeProcess):
    """A sudo that asks `asks` times, then lets the loader run or not."""

    def __init__(self, asks: int, noise: bytes = b"") -> None:
        super().__init__([None, None, None])
        self.asks, self.noise = asks, noise
        self.transport: FakeTransport | None = None

    def read(self, size: int, timeout: float) -> bytes:
        assert self.transport
        if self.asks and self.written.count(b"\n") == len(self.prompts):
            self.prompts.append(self.written)
            self.asks -= 1
            self.say(self.noise + sudo_marker(self.transport))
            raise TimeoutError
        return super().read(size, timeout)

    prompts: list[bytes]


def with_sudo(process: SudoProcess, password: str | None) -> tuple[bytes, FakeTransport]:
    process.prompts = []
    transport = process.transport = FakeTransport(process)
    process._chunks = [None, None, None, b"TOKEN go\nearly"]
    wishes = Wishes("vm1", sudo=True, deadline_s=0.5, sudo_password=lambda: password)
    return start_agent(transport, wishes, b"first", STAGE).early, transport


def test_sudo_gets_the_password_after_its_prompt_and_then_the_stage() -> None:
    process = SudoProcess(1, b"We trust you have received the usual lecture.\n")
    early, transport = with_sudo(process, "geheim")
    assert early == b"early"
    assert process.written == b"geheim\n" + STAGE + b"first"
    assert process.prompts == [b""]
    assert "geheim" not in transport.command


def test_sudo_without_prompt_is_sent_no_password() -> None:
    process = SudoProcess(0)
    with_sudo(process, "geheim")
    assert process.written == STAGE + b"first"


def test_sudo_that_asks_twice_was_told_wrong() -> None:
    process = SudoProcess(2)
    with pytest.raises(HostError, match="sudo refused the password") as caught:
        with_sudo(process, "falsch")
    assert caught.value.state is HostState.AUTH_FAILED
    assert process.written == b"falsch\n"
    assert process.closed


def test_sudo_and_nobody_to_ask() -> None:
    with pytest.raises(HostError, match="sudo wants a password") as caught:
        with_sudo(SudoProcess(1), None)
    assert caught.value.state is HostState.NO_ROOT


@pytest.mark.parametrize(
    "said",
    [
        b"sudo: sorry, you must have a tty to run sudo\n",
        b"u is not in the sudoers file.\n",
        b"Sorry, user u may not run sudo on h.\n",
        b"sh: 1: sudo: not found\n",
    ],
)
def test_sudo_refusals(said: bytes) -> None:
    with pytest.raises(HostError) as caught:
        start(FakeProcess([b""], said, status=1), sudo=True)
    assert caught.value.state is HostState.NO_ROOT
    assert caught.value.remedy


def test_command_survives_other_shells() -> None:
    for marker in ("", "sudo-1:"):
        command = remote_command.command("t" * 24, "/opt/my python", marker)
        assert not set(command) & set("\n\r!\\")
        assert len(command) < 4000


FAKE = """
def run(source, sink, connection):
    import os, marker.deep
    os.write(sink, marker.deep.TEXT + connection.encode())
"""


def loaded(command: list[str], stage: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=stage, capture_output=True, timeout=30, check=False)


def test_stage_runs_in_a_bare_python() -> None:
    sources = dict.fromkeys(("hostgw", "hostgw.agent", "marker"), ("", True, ""))
    sources["marker.deep"] = ("marker/deep.py", False, "TEXT = b'deep '")
    sources["hostgw.agent.main"] = ("hostgw/agent/main.py", False, FAKE)
    command = remote_command.command("token")
    done = loaded(["env", "SSH_CONNECTION=1.1.1.1 2 3.3.3.3 22", "sh", "-c", command], payload.stage(sources))
    assert done.stdout == b"\ntoken go\ndeep 1.1.1.1 2 3.3.3.3 22"
    assert done.returncode == 0


def test_tracebacks_name_file_and_line() -> None:
    sources = dict.fromkeys(("hostgw", "hostgw.agent"), ("", True, ""))
    text = payload.stripped('"""Doc\nof two lines."""\n\n\ndef run(*_):\n    """Doc."""\n    raise ValueError("x")\n')
    sources["hostgw.agent.main"] = ("hostgw/agent/main.py", False, text)
    done = loaded(["sh", "-c", remote_command.command("t")], payload.stage(sources))
    assert b'File "hostgw/agent/main.py", line 7, in run' in done.stderr


@pytest.mark.parametrize(
    "source",
    [
        '"""D."""\nfrom __future__ import annotations\nx = 1\n',
        'class A:\n    """D\n    d."""\n',
        'def f():\n    "d"; return 3\n',
        'def f(): "d"\n',
        'def f():\n    """ü→"""  ; x = "é"\n    return x\n',
        'async def f():\n    r"""\\d"""\n    def g():\n        """d"""\n        yield\n',
        "x = 1\n'''no docstring'''\n",
        "",
    ],
)
def test_stripping_keeps_programs_and_lines(source: str) -> None:
    text = payload.stripped(source)
    compile(text, "x", "exec")
    assert len(text.splitlines()) in {len(source.splitlines()), 1}
    assert "D" not in text


def test_old_python_is_named(tmp_path: Path) -> None:
    """A python3 that says 3.6 and refuses as the loader would; nothing else is on the PATH."""
    fake = tmp_path / "python3"
    fake.write_text('#!/bin/sh\ncase "$*" in *print*) echo 3.6.8;; *) exit 97;; esac\n')
    fake.chmod(0o755)
    for name in ("sh", "tail"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    for marker in ("", "sudo-x:"):
        command = remote_command.command("tok", sudo_marker=marker)
        done = loaded(["env", f"PATH={tmp_path}", "/bin/sh", "-c", command], b"")
        assert done.returncode == 97
        assert done.stdout == f" tok none python3 3.6.8 {fake}; ".encode()


def test_tail_is_bounded() -> None:
    tail = StderrTail()
    for _ in range(100):
        tail.feed(b"x" * 10_000 + b"\n")
    assert len(tail.last()) <= 200


def test_the_real_payload_imports_alone() -> None:
    """Every shipped module imports in a bare interpreter that has nothing else."""
    pytest.importorskip("hostgw.agent.shipped")
    sources = payload.modules()
    names = sorted(sources)
    check = "def run(source, sink, connection):\n    import importlib\n"
    check += f"    for name in {names!r}: importlib.import_module(name)\n"
    check += "    import os; os.write(sink, b'all')\n"
    swapped = {**sources, "hostgw.agent.main": ("main.py", False, check)}
    done = loaded(["sh", "-c", remote_command.command("t", "/usr/bin/python3")], payload.stage(swapped))
    assert done.stdout.endswith(b" go\nall"), done.stderr.decode()
    assert len(payload.stage()) < 120_000
    assert not [origin for origin, _, _ in sources.values() if origin.startswith("/")]
