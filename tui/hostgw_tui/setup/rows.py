"""A form for a network, judged, as rows and lines."""

from __future__ import annotations

from collections.abc import Sequence

from hostgw.plans.model import Plan
from hostgw.plans.setup.form import Draft, HostDraft
from hostgw_tui.look import LazyRows, Line, Part, Row, Tone, cell, line
from hostgw_tui.widgets.layout import Column

COLUMNS = (
    Column("HOST", most=16),
    Column("ADDRESS", most=15),
    Column("SUBNET", 21),
    Column("", grow=True),
)
CARET = "▏"
INTRO = (
    "Each host becomes the router of a container subnet of its own, and gets a route to every other. The preview shows "
    "each step and why it is needed; nothing is changed before a in it."
)


class HostRows(LazyRows):
    """A row per host, with a caret in the subnet that is edited."""

    def __init__(self, hosts: Sequence[HostDraft], editing: str) -> None:
        self._hosts, self._editing = tuple(hosts), editing
        self._places = {host.name: place for place, host in enumerate(hosts)}

    def __len__(self) -> int:
        """Return how many hosts there are."""
        return len(self._hosts)

    def __eq__(self, other: object) -> bool:
        """Tell whether the same rows would be shown."""
        return isinstance(other, HostRows) and (self._hosts, self._editing) == (other._hosts, other._editing)

    __hash__ = None  # type: ignore[assignment]

    def row(self, index: int) -> Row:
        """Return one row."""
        host = self._hosts[index]
        tone = Tone.BAD if host.error else Tone.STRONG if host.typed else Tone.PLAIN
        caret = Part(CARET, Tone.KEY) if host.name == self._editing else Part("")
        subnet = Part(host.subnet, tone) if host.subnet or caret.text else Part("(none)", Tone.DIM)
        remark = cell(f"✗ {host.error}", Tone.BAD) if host.error else cell(host.remark, Tone.DIM)
        return Row(host.name, (cell(host.name, Tone.NAME), cell(host.address, Tone.DIM), line(subnet, caret), remark))

    def index_of(self, key: str) -> int | None:
        """Return the place of a host."""
        return self._places.get(key)


def network_line(draft: Draft) -> Line:
    """Return what there is to say beside the network."""
    if draft.network_error:
        return cell(f"✗ {draft.network_error}", Tone.BAD)
    if draft.network_remark:
        return cell(f"▲ {draft.network_remark}", Tone.WARN)
    return cell("✓ no host uses it for anything else", Tone.OK)


def bridge_line(draft: Draft) -> Line:
    """Return what there is to say beside the name of new bridges."""
    return cell(f"✗ {draft.bridge_error}", Tone.BAD) if draft.bridge_error else cell("of each new owner", Tone.DIM)


def state_line(draft: Draft) -> Line:
    """Return whether the form is good, in a line."""
    if draft.wishes is None:
        return cell(f"✗ {draft.error}", Tone.BAD)
    wished = draft.wishes.hosts
    there = sum(wish.there for wish in wished)
    new = sum(bool(wish.subnet) and not wish.there for wish in wished)
    outside = sum(wish.subnet is None for wish in wished)
    counted = ((new, "new"), (there, "there already"), (outside, "without a subnet"))
    words = ", ".join(f"{count} {what}" for count, what in counted if count)
    return line(Part("✓ ", Tone.OK), f"{words}: ", Part("enter", Tone.KEY), " shows every step")


def plan_line(plan: Plan) -> Line:
    """Return what a plan comes to, in a line."""
    if plan.refused:
        return cell(f"✗ {plan.refused}", Tone.BAD)
    steps = f"{len(plan.steps)} step{'s' if len(plan.steps) > 1 else ''}"
    hosts = ", ".join(plan.hosts[:4]) + (f" and {len(plan.hosts) - 4} more" if len(plan.hosts) > 4 else "")
    return line(Part("✓ ", Tone.OK), f"{steps} on {hosts}: ", Part("enter", Tone.KEY), " shows them")
