"""What a table says instead of rows: connecting, no host, out of reach, still reading, nothing there."""

from __future__ import annotations

from hostgw.fabric import Host
from hostgw.model.host_state import HostState
from hostgw_tui.look import NOT_ROOT, STATES, Line, Part, Tone, cell, line

NOBODY = (
    cell("There are no hosts yet.", Tone.NOTE),
    cell("A recording is being read, or it has none; --hosts vm1,vm2 and --lab name some.", Tone.DIM),
)
PARTIAL = f"{NOT_ROOT.glyph} read without root: rules and containers may be missing · --sudo"


SILENT_S = 8.0
"""A host answers every 5 seconds; one that is late by more than half of that may be gone, which is known after 15."""


def is_silent(host: Host, now: float) -> bool:
    """Tell whether a host that counts as up is late with a sign of life."""
    return host.readable and host.state is HostState.UP and 0 < host.changed_at < now - SILENT_S


def not_counted(host: Host | None) -> str:
    """Return why there are no counters of a host that was read."""
    return "counting …" if host is None or host.state is HostState.UP else "Nothing is counted while it cannot be read."


def absent(host: Host | None, nothing: str) -> tuple[Line, ...]:
    """Return why there are no rows of a host, and the next key; `nothing` is said of one that was read."""
    if host is None:
        return NOBODY
    if host.readable:
        return (cell(nothing, Tone.NOTE),)
    sign = STATES[host.state]
    where = f" ({host.address})" if host.address else ""
    told = line(Part(f"{sign.glyph} {host.name} is {sign.word}", sign.tone), where)
    if host.state is HostState.CONNECTING:
        return (told, cell("Its picture appears when it answers. ] shows the next host.", Tone.DIM))
    if host.state is HostState.UP:
        return (cell(f"◌ reading {host.name} …", Tone.NOTE),)
    why = cell(host.error or "no reason was given", Tone.WARN)
    return (told, why, cell("r tries again · ] shows the next host", Tone.DIM))


def freshness(host: Host | None, now: float) -> Line:
    """Return a remark for data that are old, or not all there are; empty for those that are current and whole."""
    if host is None or not host.readable:
        return ()
    seconds = int(now - host.changed_at)
    if is_silent(host, now):
        return cell(f"? nothing heard for {seconds} s", Tone.WARN)
    if host.state is HostState.UP:
        return cell(PARTIAL, Tone.WARN) if host.is_partial else ()
    return cell(f"~ {host.state.value}, {seconds} s old · r tries again", Tone.WARN)


def with_freshness(title: str, host: Host | None, now: float) -> str:
    """Return a title that tells when what is shown is old."""
    remark = freshness(host, now)
    return f"{title} · {remark[0].text}" if remark else title
