"""What is known of each lab, in files under /run/hostgw-tui/labs/NAME that only root can read."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hostgw.errors import LabError
from hostgw.lab.addresses import Shape, check_name

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path("/run/hostgw-tui")
LABS: Final = ROOT / "labs"
_STATE: Final = "state.json"
_RECORD: Final = "inits"
_BASELINE: Final = "baseline.json"
_TRIES: Final = 10


@dataclass(frozen=True, slots=True)
class Saved:
    """The state file: what was asked for, and whether it was finished."""

    name: str
    shape: Shape
    complete: bool


@dataclass(frozen=True, slots=True)
class Init:
    """Process 1 of a host as the real machine sees it."""

    pid: int
    start: str
    """Start time in clock ticks: with the pid it names the process for good."""

    @property
    def alive(self) -> bool:
        """True while this very process runs."""
        return start_time(self.pid) == self.start


def start_time(pid: int) -> str | None:
    """Start time of a process that runs; None when there is none or it is dead."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def directory(name: str) -> Path:
    """Directory of a lab, whether it exists or not; raises LabError for a name that cannot be."""
    return LABS / check_name(name)


def record_path(name: str) -> Path:
    """The file in which the hosts' first processes are recorded."""
    return directory(name) / _RECORD


def names() -> list[str]:
    """Names of all labs, also half-made ones."""
    return sorted(path.name for path in LABS.iterdir()) if LABS.is_dir() else []


def create(name: str, shape: Shape) -> Path:
    """Make a lab's directory; raises LabError when the lab exists already."""
    path = directory(name)
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):  # another lab's end may take the empty folder away in between
            LABS.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make(path)
            break
    save(Saved(name, shape, complete=False))
    return path


def _make(path: Path) -> None:
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        raise LabError(f"lab {path.name} exists already", remedy=f"run: hostgw-tui lab down {path.name}") from None


def remove(name: str) -> None:
    """Remove a lab's directory, and the ones above it when they became empty."""
    shutil.rmtree(directory(name), ignore_errors=True)
    for path in (LABS, ROOT):
        with suppress(OSError):
            path.rmdir()


def save(saved: Saved) -> None:
    """Write the state file in one step."""
    write(directory(saved.name) / _STATE, json.dumps(asdict(saved)))


def write(path: Path, text: str) -> None:
    """Write a file that only root can read, in one step."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(0o600, exist_ok=False)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def unknown(name: str) -> LabError:
    """The error for a lab that is not there, naming those that are."""
    there = ", ".join(names())
    return LabError(
        f"there is no lab {name}",
        remedy=f"these exist: {there}" if there else f"run: hostgw-tui lab up {name}",
    )


def saved(name: str) -> Saved:
    """Read a lab's state file; raises LabError when there is no such lab or it is half-made."""
    try:
        raw = json.loads((directory(name) / _STATE).read_text(encoding="utf-8"))
        return Saved(raw["name"], Shape(**raw["shape"]), raw["complete"])
    except FileNotFoundError:
        raise unknown(name) from None
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"the state of lab {name} cannot be read", str(error), f"hostgw-tui lab down {name}") from error


def inits(name: str) -> dict[str, Init]:
    """The recorded first process of each host of a lab, dead or alive."""
    try:
        text = record_path(name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    found = re.findall(r"^(\S+) (\d+) (\d+)$", text, re.MULTILINE)
    return {host: Init(int(pid), start) for host, pid, start in found}


def save_baseline(name: str, state: dict[str, Any]) -> None:
    """Keep the state to which `heal` goes back."""
    write(directory(name) / _BASELINE, json.dumps(state))


def baseline(name: str) -> dict[str, Any]:
    """The state to which `heal` goes back; raises LabError when none was recorded."""
    try:
        state: dict[str, Any] = json.loads((directory(name) / _BASELINE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LabError(f"the baseline of lab {name} cannot be read", str(error), "build it anew") from error
    return state


@contextmanager
def locked(path: Path, wait: bool = False) -> Iterator[None]:
    """Hold a directory for one change at a time; raises LabError when another process holds it, or waits."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    except BlockingIOError:
        raise LabError(f"{path.name} is being changed by another process", remedy="wait for it and repeat") from None
    finally:
        os.close(handle)
