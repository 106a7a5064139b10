"""The journal: what was meant to be changed, and what became of it, on the operator's disk.

One JSON line per record in the XDG state directory, fsynced: the intent before anything is sent, the outcome after. It
survives a crash of the dashboard, so that `undo` works in a later run.
"""

from __future__ import annotations

import fcntl
import getpass
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from secrets import token_hex
from time import time

import msgspec

from hostgw.clean import clean, plain
from hostgw.errors import UsageError
from hostgw.model.change import Change
from hostgw.plans.model import Outcome, Plan, Result
from hostgw.plans.reverse import LASTING

FILE_NAME = "journal.jsonl"
UNKNOWN = "unknown"
"""Result of what ended before its outcome was written."""
APPLIED = (Result.VERIFIED, "unverified")
"""Results of what is in place; the second one was written by a former version."""


Machines = Mapping[str, Collection[str]]
"""Host name to the identities of the host that is reached by it: since its boot, and for good."""


class Made(msgspec.Struct, frozen=True):
    """A change as recorded: where, what, and the identity of the namespace, which outlives the agent's numbering."""

    host: str
    change: Change
    summary: str = ""
    namespace: str = ""
    inode: int = 0
    finding: str = ""
    machine: str = ""
    """Which machine, since which boot: another one may have the same name, and a reboot took the change back.

    Of a change that outlives a boot, which machine.
    """

    def is_on(self, machines: Machines) -> bool:
        """Tell whether it was made on one of `machines`; what is not known counts as the same."""
        held = machines.get(self.host)
        return held is not None and (not held or not self.machine or self.machine in held)


class Intent(msgspec.Struct, frozen=True, tag_field="record", tag="intent"):
    """Written before a plan is applied."""

    id: str
    time: float
    user: str
    title: str
    changes: tuple[Made, ...]
    undoes: str | tuple[str, ...] = ()
    """Ids of the entries that it takes back; a former version wrote the one that there was, or nothing."""
    guards: dict[str, str] = {}
    """Host to the name of its guard, which can be asked how it ended."""

    @property
    def taken_back(self) -> tuple[str, ...]:
        """The ids of the entries that it takes back."""
        return self.undoes if isinstance(self.undoes, tuple) else (self.undoes,) if self.undoes else ()


class Ended(msgspec.Struct, frozen=True, tag_field="record", tag="ended"):
    """Written after: how it ended."""

    id: str
    time: float
    result: str
    detail: str = ""
    changed: tuple[str, ...] = ()
    """Hosts that were changed before it failed."""


Record = Intent | Ended
_DECODER = msgspec.json.Decoder(Record)
_ENCODER = msgspec.json.Encoder(enc_hook=plain)


class Entry(msgspec.Struct, frozen=True):
    """An intent with its outcome; `result` is `UNKNOWN` when the run ended before it was written.

    Of one that failed on its way, `changes` are those of the hosts that were changed.
    """

    id: str
    time: float
    user: str
    title: str
    result: str
    changes: tuple[Made, ...]
    undoes: tuple[str, ...] = ()
    undone: bool = False
    guards: dict[str, str] = {}
    detail: str = ""

    def left_on(self, machines: Machines) -> tuple[Made, ...]:
        """Return what of it is still to be taken back on `machines`: a reboot leaves files, and takes all else back.

        Nothing, when a part of it was made on other machines.
        """
        there = tuple(made for made in self.changes if made.is_on(machines))
        gone = [made for made in self.changes if made not in there]
        rebooted = {made.host for made in there if isinstance(made.change, LASTING)}
        return there if all(made.host in rebooted and not isinstance(made.change, LASTING) for made in gone) else ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that it changed, or set out to change, in order."""
        return tuple(dict.fromkeys([*(made.host for made in self.changes), *self.guards]))


def state_directory() -> Path:
    """Return our directory for state (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "hostgw-tui"


def operator_name() -> str:
    """Return who we are, or the number of a user without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _entry(intent: Intent, ended: Ended | None, undone: bool) -> Entry:
    result, changes = ended.result if ended else UNKNOWN, intent.changes
    if ended and result not in APPLIED:
        changes = tuple(made for made in changes if made.host in ended.changed)
    detail = clean(ended.detail, 1000) if ended else ""
    return Entry(
        *(intent.id, intent.time, clean(intent.user, 40), clean(intent.title, 400)),
        *(result, changes, intent.taken_back, undone),
        guards=intent.guards,
        detail=detail,
    )


class Journal:
    """The journal file; every method opens it anew, so that several runs may share it."""

    def __init__(self, directory: Path | None = None) -> None:
        self.path = (directory or state_directory()) / FILE_NAME

    def begin(self, plan: Plan, guards: Mapping[str, str]) -> str:
        """Record that a plan is about to be applied, and by which guard on each host; return its id.

        Raises:
            UsageError: the file cannot be written; nothing may be changed then.
        """
        made = tuple(Made(s.host, s.change, s.summary, s.namespace, s.inode, s.finding, s.machine) for s in plan.steps)
        intent = Intent(token_hex(4), time(), operator_name(), plan.title, made, plan.undoes, dict(guards))
        self._write(intent)
        return intent.id

    def end(self, entry_id: str, outcome: Outcome) -> None:
        """Record how it ended."""
        self._write(Ended(entry_id, time(), outcome.result, outcome.detail, outcome.changed))

    def entries(self) -> tuple[Entry, ...]:
        """Return what was done, oldest first; lines that cannot be read are passed over."""
        records = list(self._read())
        ended = {record.id: record for record in records if isinstance(record, Ended)}
        intents = [record for record in records if isinstance(record, Intent)]
        done = {i for i, record in ended.items() if record.result in APPLIED}
        undone = {number for i in intents if i.id in done for number in i.taken_back}
        return tuple(_entry(intent, ended.get(intent.id), intent.id in undone) for intent in intents)

    def _write(self, record: Record) -> None:
        line = _ENCODER.encode(record) + b"\n"
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            with self.path.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            remedy = "Nothing was changed: what is not in the journal could not be undone later."
            raise UsageError(f"the journal {self.path} cannot be written", error.strerror or "", remedy) from error

    def _read(self) -> Iterator[Record]:
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            remedy = "Nothing was changed: what was done before could not be told from what is new."
            raise UsageError(f"the journal {self.path} cannot be read", error.strerror or "", remedy) from error
        for line in lines:
            try:
                yield _DECODER.decode(line)
            except msgspec.MsgspecError:
                continue
