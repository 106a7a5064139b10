"""Small forms for one host or container: join, leave, attach, detach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from hostgw.errors import HostgwError, UsageError
from hostgw.live.setting_up import SettingUp
from hostgw.live.view import View
from hostgw.plans.model import Plan
from hostgw.plans.setup.form import Form
from hostgw.plans.setup.wishes import BRIDGE
from hostgw_tui.actions import bindings
from hostgw_tui.look import Tone, cell
from hostgw_tui.setup.fields import Field
from hostgw_tui.setup.rows import plan_line
from hostgw_tui.widgets.dialog import hint
from hostgw_tui.widgets.reader import Reader
from hostgw_tui.widgets.text import content

if TYPE_CHECKING:
    from hostgw_tui.app import HostgwApp

Values = Mapping[str, str]
NOBODY = "every listed host is a part of the network: list one more with --hosts"


@dataclass(frozen=True, slots=True)
class Asked:
    """One line of a form."""

    name: str
    value: str = ""
    hint: str = ""
    among: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MemberForm:
    """What is asked, and the plan that the answers make; `plan` raises UsageError where they make none."""

    title: str
    text: str
    fields: tuple[Asked, ...]
    plan: Callable[[Values], Plan]
    suggest: Callable[[Values], Values] = lambda values: {}
    """Values for lines that nobody typed in, from the others."""


class MemberDialog(ModalScreen[None]):
    """Asks for a host and what belongs to it; judged while it is typed, `enter` opens the preview."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("setup")]
    AUTO_FOCUS = "Input"

    def __init__(self, form: MemberForm) -> None:
        super().__init__()
        self._form = form
        self._values = {asked.name: asked.value for asked in form.fields}
        self._typed: set[str] = set()
        self._done = False

    @property
    def hostgw(self) -> HostgwApp:
        """The app, by its own type."""
        return cast("HostgwApp", self.app)

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(self._form.title)
            box.border_subtitle = "nothing is changed here"
            yield Reader([cell(self._form.text, Tone.DIM)], id="intro")
            for asked in self._form.fields:
                yield Field(asked.name, asked.name, asked.value, asked.hint, asked.among)
            yield Reader(id="verdict")
            keys = (("tab", "next"), ("enter", "preview"), ("esc", "cancel"))
            yield Static(content([hint(*keys)]), classes="dialog-keys")

    def on_mount(self) -> None:
        """Judge what is suggested."""
        self._judge()

    def on_screen_resume(self) -> None:
        """Close when it was done."""
        if self._done:
            self.dismiss()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        name = str(event.input.id)
        if event.value != self._values[name]:
            self._values[name] = event.value
            self._typed.add(name)
            self._judge()

    def _judge(self) -> Plan | None:
        self._suggest()
        try:
            plan = self._form.plan(self._values)
        except HostgwError as error:
            self.query_one("#verdict", Reader).show([cell(f"✗ {error}", Tone.BAD)])
            return None
        self.query_one("#verdict", Reader).show([plan_line(plan)])
        return plan

    def _suggest(self) -> None:
        for name, value in self._form.suggest(self._values).items():
            if name not in self._typed and self._values[name] != value:
                self._values[name] = value
                self.query_one(f"#{name}", Input).value = value

    @on(Input.Submitted)
    def action_preview(self) -> None:
        """Show the plan; also one that is refused, for it says what can be done instead."""
        if plan := self._judge():
            self.hostgw.preview_plan(plan, self._form.title, lambda outcome: setattr(self, "_done", True))

    def action_cancel(self) -> None:
        """Close."""
        self.dismiss()


# ---- the forms ----


def join_form(view: View, setting_up: SettingUp) -> MemberForm:
    """Return the form by which a listed host becomes a part of the network."""
    outside = _outside(view)
    bridges = Counter(subnet.bridge for subnet in view.mesh.subnets if subnet.bridge)
    bridge = next((name for name, _ in bridges.most_common(1)), BRIDGE)
    form = setting_up.first()

    def filled(values: Values) -> Form:
        told = dict.fromkeys(outside, "")  # hosts that are not asked about stay outside
        return Form(form.network, values["bridge"] or BRIDGE, True, told | {values["host"]: values["subnet"].strip()})

    def suggest(values: Values) -> Values:
        others = {name: "" for name in outside if name != values["host"]}
        drafted = setting_up.draft(Form(form.network, BRIDGE, True, others)).hosts
        return {"subnet": next((host.subnet for host in drafted if host.name == values["host"]), "")}

    fields = (
        Asked("host", outside[0] if outside else "", "a listed host", tuple(view.fabric.hosts)),
        Asked("subnet", "", "none: it only gets routes to the others"),
        Asked("bridge", bridge, BRIDGE),
    )
    text = f"One more host for {form.network}: it gets what it needs, the others a route to it and no more."

    def plan(values: Values) -> Plan:
        if not (name := values["host"].strip()):
            raise UsageError("which host?" if outside else NOBODY)
        return setting_up.join(filled(values), name)

    return MemberForm("Join", text, fields, plan, suggest)


def leave_form(view: View, setting_up: SettingUp, host: str) -> MemberForm:
    """Return the form by which a host leaves."""
    owners = tuple(name for name in view.fabric.hosts if _owned(view, name))
    chosen = host if host in owners else owners[-1] if owners else ""
    text = "Nobody routes to it any more, nor it to the others; its bridge and its containers stay."
    fields = (Asked("host", chosen, "a host that owns a subnet", owners),)
    return MemberForm("Leave", text, fields, lambda v: setting_up.leave(v["host"].strip()))


def attach_form(view: View, setting_up: SettingUp, host: str) -> MemberForm:
    """Return the form that hangs namespaces on a bridge."""
    owners = tuple(name for name in view.fabric.hosts if _owned(view, name))
    fields = (
        Asked("host", host if host in owners else owners[0] if owners else "", "a host that owns a subnet", owners),
        Asked("namespace", "", "c1, several with blanks between them"),
        Asked("address", "", "the next that is free"),
    )
    text = "A network namespace (as `ip netns` on the host lists it, or a path) becomes a container on the bridge."

    def plan(values: Values) -> Plan:
        return setting_up.attach(values["host"].strip(), values["namespace"].split(), values["address"].strip())

    return MemberForm("Attach", text, fields, plan)


def detach_form(view: View, setting_up: SettingUp, host: str) -> MemberForm:
    """Return the form that takes a namespace off its bridge."""
    hung = _hung(view)
    chosen = host if hung.get(host) else next((name for name, found in hung.items() if found), "")
    names = tuple(dict.fromkeys(name for found in hung.values() for name in found))
    fields = (
        Asked("host", chosen, "a host with containers", tuple(name for name, found in hung.items() if found)),
        Asked("namespace", "", "c1", names),
    )
    text = "Its veth pair is deleted, and with it its address and its routes; the namespace itself stays."

    def plan(values: Values) -> Plan:
        return setting_up.detach(values["host"].strip(), values["namespace"].strip())

    def suggest(values: Values) -> Values:
        return {"namespace": next(iter(hung.get(values["host"], ())), "")}

    return MemberForm("Detach", text, fields, plan, suggest)


FORMS = {"leave": leave_form, "attach": attach_form, "detach": detach_form}


def _outside(view: View) -> list[str]:
    """Return the hosts that own nothing, and behind them those whose subnet hangs on no bridge."""
    bridgeless = [name for name in view.fabric.hosts if _owned(view, name) and not _bridged(view, name)]
    return [name for name in view.fabric.hosts if not _owned(view, name)] + bridgeless


def _bridged(view: View, name: str) -> bool:
    return any(subnet.bridge for subnet in view.mesh.members[name].subnets)


def _owned(view: View, name: str) -> bool:
    member = view.mesh.members.get(name)
    return bool(member and member.subnets)


def _hung(view: View) -> dict[str, Sequence[str]]:
    """Return the containers of each host that hang on a bridge by a pair of ours."""
    found: dict[str, Sequence[str]] = {}
    for host in view.fabric.readable:
        names = [container.name for container in (host.snapshot.containers if host.snapshot else ())]
        found[host.name] = [name for name in names if f"veth-{name}" in host.root.links_by_name]
    return found
