"""What the packets screen says beside its tables."""

from __future__ import annotations

from collections.abc import Iterable

from hostgw.live.view import View
from hostgw_tui.look import Line, Part, Tone, cell, line
from hostgw_tui.packets.rows import ambiguity

FILTER = "text, verdict:lost proto:icmp host:vm1 tap:br0 addr:10.239.1.2 port:80; ! turns round"
WAITING = (cell("No packet yet. p sends a probe, b changes the filter.", Tone.NOTE),)


def nothing(needle: str) -> tuple[Line, ...]:
    """Return what the empty list says while a capture runs."""
    if not needle:
        return WAITING
    return (cell(f"No packet matches {needle}", Tone.NOTE), cell("esc shows all packets again", Tone.DIM))


def idle(view: View) -> tuple[Line, ...]:
    """Return what the empty list says before a capture."""
    if not view.fabric.readable:
        return (cell("No host has been read yet; a capture needs one.", Tone.NOTE),)
    return (
        cell("Nothing is being captured. Press s to start.", Tone.NOTE),
        cell("t chooses taps (now: container bridges and underlay NICs), b sets a filter,", Tone.DIM),
        cell("p sends a probe from a container to one on another host.", Tone.DIM),
    )


def idle_line(taps: int, hosts: int, starting: bool, expression: str) -> Line:
    """Return the state line before a capture."""
    state = Part("◌ starting ", Tone.NOTE) if starting else Part("■ no capture ", Tone.DIM)
    return line(state, f"· {taps} taps on {hosts} hosts chosen", *filter_part(expression))


def state(live: bool, paused: bool, recorded: bool = False) -> Part:
    """Return in one word how the capture is."""
    if recorded:
        return Part("● RECORDED ", Tone.NOTE)
    if paused:
        return Part("PAUSED ", Tone.WARN)
    return Part("● LIVE ", Tone.OK) if live else Part("■ stopped ", Tone.DIM)


def filter_part(expression: str) -> Line:
    """Return the capture filter for the end of the state line."""
    return line(" · ", Part(expression, Tone.CODE)) if expression else ()


def list_title(follow: bool, filtered: bool, shown: int, total: int, new: int, more: Iterable[str] = ()) -> str:
    """Return the title of the list: how many packets, and whether it follows; `new` came since it does not."""
    kept = f"{shown:,} of {total:,}" if filtered else f"{total:,}"
    followed = "following" if follow else f"{new:,} new, G follows" if new else "G follows"
    return " · ".join(["packets", kept, followed, *filter(None, more)])


def hops_title(number: int, raw_macs: bool, lost: str, ambiguous: int = 0) -> str:
    """Return the title of the hop table."""
    doubt = f" · {ambiguity(ambiguous)}" if ambiguous else ""
    return f"hops of packet {number}{' (raw MACs)' if raw_macs else ''}{doubt}{lost}"


FIXABLE = " · f previews the fix"


def silent(reason: str) -> str:
    """Return for a title why nobody answered, if that is known."""
    return f" · no answer: {reason}" if reason else ""


def lost(after: str, reason: str) -> str:
    """Return for a title where a packet was lost, and why if that is known."""
    return f" · lost after {after}{f': {reason}' if reason else ''}"


def at_stake(written: bool, frames: int) -> str:
    """Return what quitting a running capture would lose: `frames` of it are not written."""
    if not written:
        return "A capture is running; its packets are not saved."
    return f"A capture is running; w has written all {f'but the last {frames:,} frames' if frames else 'of it'}."
