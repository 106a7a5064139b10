"""What labs change on the real machine itself, and putting it back after the last one."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, TypedDict

from hostgw.errors import LabError
from hostgw.lab import namespaces, store

MANY_HOSTS: Final = 30
"""Above so many hosts on one machine the neighbour table of stock size overflows."""
_NOTES: Final = "machine.json"
_THRESHOLDS: Final = tuple(Path(f"/proc/sys/net/ipv4/neigh/default/gc_thresh{number}") for number in (1, 2, 3))
_PER_HOST: Final = 300


class _Notes(TypedDict, total=False):
    shared: bool
    thresholds: list[str]


def prepare() -> None:
    """Make the machine ready for all labs that are recorded now; says on stderr what it changed."""
    with store.locked(store.ROOT, wait=True):
        notes = _notes()
        if namespaces.share_names():
            notes["shared"] = True
        total = _hosts()
        if total > MANY_HOSTS and _raise_thresholds(notes, total):
            sys.stderr.write(f"neigh gc_thresh raised for {total} hosts; `lab down` puts it back\n")
        store.write(store.ROOT / _NOTES, json.dumps(notes))


def restore() -> None:
    """Put back what no remaining lab needs."""
    with suppress(FileNotFoundError), store.locked(store.ROOT, wait=True):
        _restore(_notes())
    for path in (store.LABS, store.ROOT):
        with suppress(OSError):
            path.rmdir()


def _restore(notes: _Notes) -> None:
    if _hosts() <= MANY_HOSTS:
        for path, value in zip(_THRESHOLDS, notes.pop("thresholds", []), strict=False):
            path.write_text(value, encoding="utf-8")
    if not store.names() and notes.pop("shared", False):
        namespaces.unshare_names()
    if notes.get("shared") or notes.get("thresholds"):
        store.write(store.ROOT / _NOTES, json.dumps(notes))
    else:
        (store.ROOT / _NOTES).unlink(missing_ok=True)


def _notes() -> _Notes:
    try:
        notes: _Notes = json.loads((store.ROOT / _NOTES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return notes


def _hosts() -> int:
    """Hosts of all labs that are recorded now."""
    total = 0
    for name in store.names():
        with suppress(LabError):
            total += store.saved(name).shape.hosts
    return total


def _raise_thresholds(notes: _Notes, hosts: int) -> bool:
    before = [path.read_text(encoding="utf-8").strip() for path in _THRESHOLDS]
    wanted = [hosts * _PER_HOST // part for part in (4, 2, 1)]
    if all(int(old) >= new for old, new in zip(before, wanted, strict=True)):
        return False
    notes.setdefault("thresholds", before)
    for path, old, new in zip(_THRESHOLDS, before, wanted, strict=True):
        path.write_text(str(max(int(old), new)), encoding="utf-8")
    return True
