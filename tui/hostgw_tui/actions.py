"""Every action once: bindings, footer, help and palette are made from this table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.binding import Binding

EVERYWHERE = ("overview", "host", "routes", "nat", "packets", "path")
"""The main screens, in the order of their number keys."""
TITLES = {
    "overview": "Overview",
    "host": "Host",
    "routes": "Routes",
    "nat": "NAT",
    "packets": "Packets",
    "path": "Path",
}
HOST_SCREENS = ("host", "routes", "nat")


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a key does."""

    name: str
    """Textual's action: ``fix`` is ``action_fix`` of the screen, ``app.undo`` of the app."""
    keys: tuple[str, ...]
    description: str
    """One or two words, for the footer."""
    tooltip: str
    """A sentence, for help and palette."""
    scope: tuple[str, ...] = EVERYWHERE
    mutating: bool = False
    """It leads to a change of a host, so read-only greys it."""
    footer: tuple[str, ...] = ()
    """Screens whose footer shows it."""
    priority: bool = False


ACTIONS: list[Action] = [
    Action("app.show('overview')", ("1",), "Overview", "hosts, mesh matrix and findings"),
    Action("app.show('host')", ("2",), "Host", "one host: links, bridges, containers, settings"),
    Action("app.show('routes')", ("3",), "Routes", "expected routes against the actual ones, all tables and rules"),
    Action("app.show('nat')", ("4",), "NAT", "NAT and filter rules in words, with counters; tracked flows"),
    Action("app.show('packets')", ("5",), "Packets", "capture at many points and follow each packet"),
    Action("app.show('path')", ("6",), "Path", "the predicted way of a packet and its answer; a probe along it"),
    Action("choose", ("enter",), "details", "open what the cursor is on", footer=("overview", "packets")),
    Action("fix", ("f",), "fix", "preview the fix of the finding under the cursor; nothing changes yet",
           mutating=True, footer=("overview", "host", "routes", "nat", "path")),
    Action("app.fix_all", ("F",), "fix all", "preview the fix of all findings, host by host; nothing changes yet",
           mutating=True),
    Action("app.undo", ("u",), "undo", "list what was done; from there, preview the undo of one or of all since",
           mutating=True, footer=("overview", "host", "routes")),
    Action("app.setup", ("S",), "set up", "make a network of these hosts: form and preview; nothing changes yet",
           mutating=True),
    Action("app.join", (), "join", "preview how a listed host becomes a part of the network", mutating=True),
    Action("app.member('leave')", (), "leave", "preview how a host leaves the network", mutating=True),
    Action("app.member('attach')", (), "attach", "preview how a namespace becomes a container on a bridge",
           mutating=True),
    Action("app.member('detach')", (), "detach", "preview how a container is taken off its bridge", mutating=True),
    Action("assumptions", ("i",), "assumptions", "what was assumed of the mesh, and why", ("overview",)),
    Action("zoom", ("z",), "zoom", "the mesh in words, in glyphs, or in groups of hosts and subnets", ("overview",)),
    Action("bad_cell(1)", ("b",), "next wrong", "go to the next cell of the mesh that is wrong", ("overview",)),
    Action("bad_cell(-1)", ("B",), "previous wrong", "go to the cell before that is wrong", ("overview",)),
    Action("app.topology", ("t",), "topology", "hosts, bridges and containers as a picture, what is broken marked",
           ("overview",)),
    Action("app.topology", (), "topology", "hosts, bridges and containers as a picture, what is broken marked",
           EVERYWHERE[1:]),
    Action("capture", ("s",), "start/stop", "start or stop the capture", ("packets",), footer=("packets",)),
    Action("taps", ("t",), "taps", "choose the interfaces to capture at", ("packets",), footer=("packets",)),
    Action("bpf", ("b",), "BPF", "edit the capture filter", ("packets",)),
    Action("probe", ("p",), "probe", "ping from one container to another", ("packets",)),
    Action("probe", ("p",), "probe", "send an echo request, and compare its way with the predicted one", ("path",),
           footer=("path",)),
    Action("source", ("s",), "from", "choose where the packet starts", ("path",), footer=("path",)),
    Action("destination", ("d",), "to", "choose where the packet goes: a host, a container or any address", ("path",),
           footer=("path",)),
    Action("kind", ("o",), "packet", "choose what goes: icmp, udp or tcp, its port, size and DF, and how many probes",
           ("path",), footer=("path",)),
    Action("swap", ("x",), "swap", "turn the path round", ("path",)),
    Action("lanes", ("v",), "lanes", "packets over a lane for each tap, or as a list again", ("packets",),
           footer=("packets",)),
    Action("ladder", ("e",), "ladder", "ladder: packet and answer in one picture, tap by tap", ("packets",),
           footer=("packets",)),
    Action("lane_step(-1)", ("left",), "lanes left", "scroll lanes that do not fit to the left", ("packets",)),
    Action("lane_step(1)", ("right",), "lanes right", "scroll them to the right", ("packets",)),
    Action("fold", ("z",), "fold", "fold ports and containers into their bridge's lane", ("packets",)),
    Action("lanes_of", ("x",), "its lanes", "only the lanes of the selected packet's way, or all again", ("packets",)),
    Action("flow", ("o",), "only flow", "only the flow of the selected packet, or all again", ("packets",)),
    Action("tint", ("c",), "colour", "colour packets by verdict or by flow", ("packets",)),
    Action("macs", ("m",), "raw MACs", "names or raw MACs in the hop table", ("packets",)),
    Action("conntrack", ("c",), "conntrack", "read the tracked flows, with the SNAT pair", ("nat",), footer=("nat",)),
    Action("tables", ("t",), "tables", "nat rules only, or FORWARD as well", ("nat",)),
    Action("host_step(1)", ("right_square_bracket", "greater_than_sign"), "next host", "show the next host",
           HOST_SCREENS, footer=HOST_SCREENS),
    Action("host_step(-1)", ("left_square_bracket", "less_than_sign"), "previous host", "show the previous host",
           HOST_SCREENS),
    Action("all_hosts", ("right_square_bracket", "left_square_bracket", "greater_than_sign", "less_than_sign"), "hosts",
           "says that this screen shows all hosts", ("overview", "packets", "path")),
    Action("app.next_finding(1)", ("n",), "next finding", "go to the next finding", footer=("overview",)),
    Action("app.next_finding(-1)", ("N",), "previous finding", "go to the previous finding"),
    Action("filter", ("slash",), "filter", "show only rows with this text; ! in front turns it round",
           footer=("overview", *HOST_SCREENS)),
    Action("columns", ("O",), "columns", "sort the table by a column, show and hide columns; a click on a title sorts"),
    Action("app.retry", ("r",), "retry", "connect again to hosts that cannot be reached, read the others anew"),
    Action("copy", ("y",), "copy", "send what the row is about to the terminal's clipboard: address, prefix or text"),
    Action("copy_command", ("Y",), "copy command", "send the commands that mend it, or made it, else the whole row"),
    Action("app.commands", ("at",), "commands", "show the commands that were run"),
    Action("app.events", ("E",), "events", "what changed on all hosts, and when, the newest first"),
    Action("app.pause", ("space",), "pause", "freeze the picture; the capture goes on"),
    Action("write", ("w",), "write", "write text, a report or a picture to a file; on Packets the capture as pcapng"),
    Action("app.picture", (), "picture", "write the screen as SVG"),
    Action("app.mask", (), "mask", "hide names and addresses on all screens, in copies and files, or show them again"),
    Action("app.help", ("question_mark", "f1"), "help", "all keys of this screen", footer=EVERYWHERE),
    Action("app.command_palette", ("colon", "ctrl+p"), "palette", "find an action by name"),
    Action("app.persist", (), "persist", "preview the files that keep over a reboot what the hosts have now",
           mutating=True),
    Action("app.probe_all", (), "probe all", "send probes between all hosts; they join the mesh and the findings"),
    Action("app.lessons", (), "lessons", "how host-gw works, on this lab: to each part a probe and a fault"),
    Action("app.toggle_dark", (), "light/dark", "change between the dark and the light theme"),
    Action("app.jump_back", ("backspace",), "jump back", "go back to where the last jump came from"),
    Action("back", ("escape",), "back", "leave the filter, else go back to the overview"),
    Action("app.leave", ("q",), "quit", "leave; asks only when a capture runs", footer=EVERYWHERE),
    Action("app.interrupt", ("ctrl+c",), "stop", "stop the running job, else quit", priority=True),
    Action("app.suspend_process", ("ctrl+z",), "suspend", "go to the shell; fg brings the dashboard back"),
    Action("app.replay_step(-1)", ("comma",), "earlier", "of a recording: stand still at the change before",
           ("replay",)),
    Action("app.replay_step(1)", ("full_stop",), "later", "of a recording: stand still at the next change",
           ("replay",)),
    Action("app.replay_time", ("g",), "time", "of a recording: go to a time", ("replay",)),
    Action("app.replay_compare", ("equals_sign",), "compare",
           "of a recording: mark this time; once more at another time, say what differs", ("replay",)),
    Action("app.replay_speed(-1)", ("left_curly_bracket",), "slower", "of a recording: let time go slower",
           ("replay",)),
    Action("app.replay_speed(1)", ("right_curly_bracket",), "faster", "of a recording: let time go faster",
           ("replay",)),
    Action("apply", ("a",), "apply", "apply the plan: this changes the hosts", ("fix",), True, ("fix",)),
    Action("apply_management", ("M",), "apply", "apply a plan that touches what your own connection stands on",
           ("fix",), True),
    Action("choose_step", ("space",), "choose", "leave the step under the cursor out, or take it in again", ("fix",)),
    Action("roll_back", ("b",), "back now", "take back at once what is not confirmed yet", ("fix",)),
    Action("extend", ("plus",), "more time", "give a minute more before the host takes it back", ("fix",)),
    Action("undo", ("u",), "undo", "preview the undo of what was just applied", ("fix",), True),
    Action("persist", ("p",), "make it last", "preview the files that keep over a reboot what was just changed",
           ("fix",), True),
    Action("copy", ("y",), "copy", "copy the commands", ("fix",), footer=("fix",)),
    Action("cancel", ("escape", "q", "enter", "ctrl+c"), "cancel", "close; nothing is changed", ("fix",),
           footer=("fix",)),
    Action("preview", ("enter",), "preview", "show the preview: every step, why it is needed, and its undo", ("setup",),
           True, ("setup",)),
    Action("cancel", ("escape", "ctrl+c"), "cancel", "close; nothing is changed", ("setup",), footer=("setup",)),
    Action("choose", ("enter",), "open", "open the screen of the host under the cursor", ("topology",),
           footer=("topology",)),
    Action("fix", ("f",), "fix", "preview the fix of what is wrong with the host's routes", ("topology",), True,
           ("topology",)),
    Action("write", ("w",), "write", "write the picture as SVG, DOT, text or JSON", ("topology",),
           footer=("topology",)),
    Action("copy", ("y",), "copy", "copy the picture as text", ("topology",), footer=("topology",)),
    Action("cancel", ("escape", "q", "t", "ctrl+c"), "close", "close the picture", ("topology",),
           footer=("topology",)),
    Action("choose", ("enter",), "undo this", "preview the undo of this one change", ("undo",), True, ("undo",)),
    Action("since", ("s",), "all since", "preview the undo of this change and all later ones, as one", ("undo",), True,
           ("undo",)),
    Action("copy", ("y",), "copy", "copy the entry under the cursor", ("undo",), footer=("undo",)),
    Action("cancel", ("escape", "q", "ctrl+c"), "close", "close; nothing is changed", ("undo",), footer=("undo",)),
]  # fmt: skip


def replace_all(actions: Sequence[Action]) -> None:
    """Take another registry: before the screens are imported, which make their bindings of it."""
    ACTIONS[:] = actions


def of(scope: str) -> Iterator[Action]:
    """Yield the actions of a screen."""
    return (action for action in ACTIONS if scope in action.scope)


def bindings(scope: str) -> list[Binding]:
    """Return the bindings of a screen."""
    return [_binding(action, scope) for action in of(scope) if action.keys]


def _binding(action: Action, scope: str) -> Binding:
    return Binding(
        ",".join(action.keys),
        action.name,
        action.description,
        show=scope in action.footer,
        tooltip=action.tooltip,
        priority=action.priority,
        id=f"{scope}.{action.name}.{action.keys[0]}",
    )


def keys_of(name: str) -> set[str]:
    """Return every key that leads to an action, on any screen."""
    return {key for action in ACTIONS if action.name == name for key in action.keys}


def mutating(name: str, scope: str) -> bool:
    """Tell whether an action (its bare name) leads to changes of a host."""
    return any(a.mutating for a in of(scope) if a.name.removeprefix("app.").partition("(")[0] == name)


_KEY_NAMES = {
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "slash": "/",
    "equals_sign": "=",
    "comma": ",",
    "full_stop": ".",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "plus": "+",
    "at": "@",
    "colon": ":",
    "question_mark": "?",
    "escape": "esc",
    "ctrl+p": "^p",
    "ctrl+c": "^c",
    "ctrl+z": "^z",
    "f1": "F1",
    "left": "←",
    "right": "→",
}


def keys_text(action: Action) -> str:
    """Return the keys of an action for people."""
    return " ".join(_KEY_NAMES.get(key, key) for key in action.keys)
