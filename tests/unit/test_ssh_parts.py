"""The small parts of a session, without a network."""

from __future__ import annotations

import subprocess
import threading
import time
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path

import pytest

from hostgw.errors import HostError, HostgwError
from hostgw.model.host_state import HostState
from hostgw.ssh.backoff import Backoff
from hostgw.ssh.calls import Calls
from hostgw.ssh.clock import Clock, Sample
from hostgw.ssh.dial import dial
from hostgw.ssh.jumps import Jumps
from hostgw.ssh.keys import KeyRing, is_encrypted
from hostgw.ssh.lifeline import Cut, Lifeline
from hostgw.ssh.limits import Limits
from hostgw.ssh.options import Options
from hostgw.ssh.prompter import AcceptNew, Refuse, Terminal
from hostgw.ssh.remembering import Remembering
from hostgw.wire import Failure, LookupReply


def test_slots_are_bounded_and_lent() -> None:
    limits, life = Limits(in_all=2, per_server=1), Lifeline()
    busy, most, lock = [0], [0], threading.Lock()

    def work(server: int) -> None:
        with limits.slot((f"h{server % 2}", 22), life) as slot:
            with lock:
                busy[0] += 1
                most[0] = max(most[0], busy[0])
            with lock:
                busy[0] -= 1
            with slot.lent():
                pass

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most[0] <= 2
    assert not limits._busy


def test_waiting_for_a_slot_can_be_cut() -> None:
    limits, life = Limits(1, 1), Lifeline()
    with limits.slot(("h", 22), Lifeline()):
        life.cut()
        with pytest.raises(Cut):
            limits.take(("h", 22), life)


def test_lifeline_closes_in_reverse_and_late_ones_at_once() -> None:
    life, closed = Lifeline(), []
    life.hold(lambda: closed.append(1))
    life.hold(lambda: closed.append(2))
    with life.holding(lambda: closed.append(3)):
        pass
    life.cut()
    life.cut()
    assert closed == [2, 1]
    with pytest.raises(Cut):
        life.hold(lambda: closed.append(4))
    assert closed == [2, 1, 4]


class Hop:
    def __init__(self) -> None:
        self.alive, self.closed = True, 0

    def close(self) -> None:
        self.closed += 1


def test_jumps_are_shared_until_the_last_user() -> None:
    jumps: Jumps[Hop] = Jumps()
    key = ("h", 22, "u", "", ())
    first, second = jumps.lease(key, Hop), jumps.lease(key, Hop)
    assert first.hop is second.hop
    first.release()
    first.release()
    assert not first.hop.closed
    second.hop.alive = False
    third = jumps.lease(key, Hop)
    assert third.hop is not second.hop
    second.release()
    assert second.hop.closed == 1
    third.release()
    assert (third.hop.closed, jumps._open) == (1, {})


def test_calls_settle_fail_and_expire() -> None:
    calls = Calls("vm1")
    number, future = calls.open(5)
    assert not calls.answer(LookupReply(number + 1))
    assert calls.answer(LookupReply(number))
    assert future.result(0) == LookupReply(number)
    number, future = calls.open(5)
    calls.answer(Failure(number, "no"))
    with pytest.raises(HostgwError, match="no"):
        future.result(0)
    _, late = calls.open(0)
    _, lost = calls.open(5)
    assert 0 < calls.expire() <= 5
    with pytest.raises(HostgwError, match="in time"):
        late.result(0)
    with pytest.raises(FutureTimeout):
        lost.result(0)
    calls.fail_all(HostError(HostState.STALE, "gone"))
    with pytest.raises(HostError, match="gone"):
        lost.result(0)


def test_backoff_grows_to_its_most_and_starts_anew() -> None:
    backoff = Backoff(1, 60)
    waits = [backoff.next() for _ in range(40)]
    assert 0.6 <= waits[0] <= 1
    assert all(36 <= wait <= 60 for wait in waits[7:])
    backoff.reset()
    assert backoff.next() <= 1


def test_clock_takes_the_quickest_echo() -> None:
    clock = Clock()
    assert clock.best is None
    clock.sent(1)
    clock.answered(1, time.time_ns() + 7_000_000_000)
    clock.answered(1, 0)
    clock.answered(99, 0)
    assert clock.best is not None
    assert abs(clock.best.offset_ns - 7_000_000_000) < 1_000_000_000


def test_an_echo_grows_old() -> None:
    """Clocks drift: a later echo that was slower may bound the clock closer than a quick one of long ago."""
    quick, slow = Sample(0, 100_000, 0), Sample(0, 300_000, 10_000_000_000)
    assert [sample.error_ns(10_000_000_000) for sample in (quick, slow)] == [550_000, 150_000]
    assert quick.error_ns(0) == 50_000
    assert Options().ping_s <= 10


def test_a_clock_that_was_set_is_believed_at_once() -> None:
    clock = Clock()
    for ping, ahead in enumerate((7_000_000_000, 7_000_000_000, -40_000_000_000)):
        clock.sent(ping)
        clock.answered(ping, time.time_ns() + ahead)
    assert clock.best is not None
    assert abs(clock.best.offset_ns + 40_000_000_000) < 1_000_000_000


def test_name_without_address() -> None:
    with pytest.raises(HostError, match="has no address") as caught:
        dial("does-not-exist.invalid", 22, 1, Lifeline())
    assert caught.value.state is HostState.UNREACHABLE


def test_keys_are_opened_once(tmp_path: Path) -> None:
    locked, plain = tmp_path / "locked", tmp_path / "plain"
    for path, words in ((locked, "satz"), (plain, "")):
        subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", words, "-f", path], check=True)
    assert is_encrypted(locked)
    assert not is_encrypted(plain)
    asked: list[str] = []
    answers: list[str | None] = ["falsch", "satz"]
    ring = KeyRing()

    def ask(path: str) -> str | None:
        asked.append(path)
        return answers.pop(0)

    assert ring.open(plain, ask) is not None
    assert not asked
    assert ring.open(locked, ask) is ring.open(locked, ask) is not None
    assert asked == [str(locked)] * 2


def test_a_refused_passphrase_is_asked_for_again_only_after_a_retry(tmp_path: Path) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "satz", "-f", path], check=True)
    ring = KeyRing()
    assert ring.open(path, lambda _: None) is None
    assert ring.open(path, lambda _: "satz") is None
    ring.forget_refusals()
    assert ring.open(path, lambda _: "satz") is not None


class Scripted(Refuse):
    def __init__(self) -> None:
        self.asked = 0

    def password(self, host: str, prompt: str) -> str | None:
        self.asked += 1
        return f"answer {self.asked}"


def test_passwords_are_remembered_after_success_codes_never() -> None:
    inner = Scripted()
    prompter = Remembering(inner)
    assert prompter.password("h", "Password:") == "answer 1"
    assert prompter.password("h", "Password:") == "answer 2"
    assert prompter.password("h", "One-time code:") == "answer 3"
    prompter.succeeded()
    assert prompter.password("h", "Password:") == "answer 2"
    assert prompter.password("h", "One-time code:") == "answer 4"
    prompter.forget()
    assert prompter.password("h", "Password:") == "answer 5"


def test_refuse_and_accept_new() -> None:
    assert not Refuse().confirm_host_key("h", "k", "f")
    assert AcceptNew(Refuse()).confirm_host_key("h", "k", "f")
    assert AcceptNew(Scripted()).password("h", "p") == "answer 1"


def test_without_a_terminal_nobody_answers(tmp_path: Path) -> None:
    prompter = Terminal(tmp_path / "no-tty")
    assert not prompter.confirm_host_key("h", "k", "f")
    assert prompter.password("h", "p") is None
    assert prompter.passphrase("h", "k") is None
    assert prompter.sudo_password("h") is None
