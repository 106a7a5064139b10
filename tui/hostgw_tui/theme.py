"""Two themes of our own, and what our variables are in themes that do not know them.

Good is blue and bad is orange, which colour-blind people tell apart; a glyph and a word always say the same.
"""

from __future__ import annotations

from textual.theme import Theme

from hostgw_tui.look import Tone

TABLE_STYLES = (*(tone.value for tone in Tone), "header", "cursor", "cursor-idle")
"""What of a table has a style of its own, in the style sheet `.grid--` and this name."""

_ON_DARK = {
    "flow-1": "#6fc3ff",
    "flow-2": "#ffb454",
    "flow-3": "#9ee37d",
    "flow-4": "#e39bff",
    "flow-5": "#f27e9d",
    "flow-6": "#56d8c9",
    "ok": "#5fb3f0",
    "missing": "#ff9a3c",
    "offseg": "#ff9a3c",
    "caution": "#e8cf5a",
    "note": "#8fa9bf",
    "muted": "#7f8b96",
    "named": "#9fd8d0",
    "code": "#d7c8ff",
    "cursor-row": "#264a68",
    "cursor-idle": "#232b33",
    "rule": "#3a4652",
}
_ON_LIGHT = {
    "flow-1": "#00559e",
    "flow-2": "#8f4a00",
    "flow-3": "#2a6b12",
    "flow-4": "#7a2aa6",
    "flow-5": "#a3183f",
    "flow-6": "#00635c",
    "ok": "#0b5cad",
    "missing": "#b34700",
    "offseg": "#b34700",
    "caution": "#7a5c00",
    "note": "#3f5a70",
    "muted": "#66717b",
    "named": "#0a6259",
    "code": "#55359c",
    "cursor-row": "#b9d7f2",
    "cursor-idle": "#dde3e8",
    "rule": "#b4bec7",
}
_ON_ANSI = {
    "flow-1": "ansi_bright_blue",
    "flow-2": "ansi_bright_yellow",
    "flow-3": "ansi_bright_green",
    "flow-4": "ansi_bright_magenta",
    "flow-5": "ansi_bright_red",
    "flow-6": "ansi_bright_cyan",
    "ok": "ansi_bright_blue",
    "missing": "ansi_bright_yellow",
    "offseg": "ansi_bright_yellow",
    "caution": "ansi_yellow",
    "note": "ansi_cyan",
    "muted": "ansi_bright_black",
    "named": "ansi_cyan",
    "code": "ansi_magenta",
    "cursor-row": "ansi_blue",
    "cursor-idle": "ansi_default",
    "rule": "ansi_bright_black",
}

DARK = Theme(
    name="hostgw-dark",
    primary="#4aa3df",
    secondary="#2f6f9f",
    warning="#e8cf5a",
    error="#ff9a3c",
    success="#5fb3f0",
    accent="#ff9a3c",
    foreground="#dde3e8",
    background="#11161b",
    surface="#171d23",
    panel="#1f272f",
    variables={**_ON_DARK, "footer-key-foreground": "#ff9a3c", "border": "#4aa3df"},
)
LIGHT = Theme(
    name="hostgw-light",
    primary="#0b5cad",
    secondary="#3f7fb8",
    warning="#7a5c00",
    error="#b34700",
    success="#0b5cad",
    accent="#b34700",
    foreground="#1b2228",
    background="#f6f8fa",
    surface="#eef1f4",
    panel="#e3e8ec",
    dark=False,
    variables={**_ON_LIGHT, "footer-key-foreground": "#b34700", "border": "#0b5cad"},
)


def fallback(theme: Theme) -> dict[str, str]:
    """Return our variables for a theme that does not define them."""
    if theme.ansi:
        return _ON_ANSI
    return _ON_DARK if theme.dark else _ON_LIGHT
