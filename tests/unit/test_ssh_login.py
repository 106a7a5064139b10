"""Questions of a server that is under the test's control: escapes, refusals, hang-ups, stalls."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import paramiko
import pytest
from paramiko import common, server

from hostgw.errors import HostError
from hostgw.model.host_state import HostState
from hostgw.ssh import known_hosts
from hostgw.ssh.connect import Means, connect
from hostgw.ssh.lifeline import Lifeline
from hostgw.ssh.pool import Pool
from hostgw.ssh.prompter import Refuse
from hostgw.ssh.settings import Settings

KEY = paramiko.ECDSAKey.generate()


class Asking(paramiko.ServerInterface):
    """Asks two questions; the first is hostile."""

    def get_allowed_auths(self, username: str) -> str:
        return "keyboard-interactive"

    def check_auth_interactive(self, username: str, submethods: str) -> server.InteractiveQuery:
        query = server.InteractiveQuery("\x1b]0;title\x07", "read \x1b[2J this")
        query.add_prompt("Password\u202e: ", False)
        query.add_prompt("Code: ", True)
        return query

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        return common.AUTH_SUCCESSFUL if responses == ["one", "two"] else common.AUTH_FAILED


def speak_ssh(sock: socket.socket) -> None:
    transport = paramiko.Transport(sock)
    transport.add_server_key(KEY)
    with contextlib.suppress(paramiko.SSHException, EOFError):
        transport.start_server(server=Asking())
        transport.join(20)
    transport.close()


@contextlib.contextmanager
def serving(handle: Callable[[socket.socket], object]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            sock, _ = listener.accept()
            with sock:
                handle(sock)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


class Answers(Refuse):
    def __init__(self, *answers: str | None) -> None:
        self.answers, self.asked = list(answers), list[str]()

    def password(self, host: str, prompt: str) -> str | None:
        self.asked.append(prompt)
        return self.answers.pop(0) if self.answers else None


def attempt(port: int, folder: Path, prompter: Refuse) -> None:
    known = folder / "known_hosts"
    known_hosts.add(known, f"[127.0.0.1]:{port}", KEY.asbytes())
    settings = Settings("vm1", "127.0.0.1", port, "u", user_known_hosts=(known,), agent_socket="none")
    connect(settings, Means(Pool(), prompter), Lifeline()).close()


def test_questions_are_asked_clean(tmp_path: Path) -> None:
    prompter = Answers("one", "two")
    with serving(speak_ssh) as port:
        attempt(port, tmp_path, prompter)
    assert len(prompter.asked) == 2
    assert all(question.isprintable() for question in prompter.asked)
    assert "\\x1b[2J" in prompter.asked[0]


def test_wrong_answers_end(tmp_path: Path) -> None:
    prompter = Answers(*["x"] * 20)
    with serving(speak_ssh) as port, pytest.raises(HostError) as caught:
        attempt(port, tmp_path, prompter)
    assert caught.value.state is HostState.AUTH_FAILED
    assert len(prompter.asked) == 6


def test_nobody_answers(tmp_path: Path) -> None:
    prompter = Answers()
    with serving(speak_ssh) as port, pytest.raises(HostError) as caught:
        attempt(port, tmp_path, prompter)
    assert caught.value.state is HostState.AUTH_FAILED
    assert len(prompter.asked) <= 2


GREETINGS = {
    "closes": b"",
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "escapes": b"SSH-\x1b[2J\r\n",
    "old": b"SSH-1.5-old\r\n",
    "4 GiB packet": b"SSH-2.0-x\r\n" + b"\xff\xff\xff\xff" * 64,
    "rubbish": bytes(range(256)) * 16,
}


@pytest.mark.parametrize("name", GREETINGS)
def test_hostile_servers_fail_cleanly(tmp_path: Path, name: str) -> None:
    def greet(sock: socket.socket) -> None:
        with suppress(OSError):  # the client may have heard enough before we are done
            sock.sendall(GREETINGS[name])
            sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass

    with serving(greet) as port, pytest.raises(HostError) as caught:
        attempt(port, tmp_path, Refuse())
    assert caught.value.state is HostState.UNREACHABLE
    assert str(caught.value).isprintable()


def test_no_timer_outlives_a_failed_attempt(tmp_path: Path) -> None:
    with serving(lambda sock: sock.sendall(b"SSH-2.0-x\r\n")) as port, pytest.raises(HostError):
        attempt(port, tmp_path, Refuse())
    assert not [
        thread
        for thread in threading.enumerate()
        if isinstance(thread, threading.Timer) and not thread.finished.is_set()
    ]
