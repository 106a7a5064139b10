"""Elements of SVG, and the colours that say what they are; xml.etree escapes what hosts named."""

from __future__ import annotations

from xml.etree import ElementTree as ET

STYLE = """
text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
text { font-size: 12px; fill: #1f2933; }
.page { fill: #ffffff; }
.title { font-size: 17px; font-weight: 600; }
.name { font-size: 14px; font-weight: 600; }
.quiet { fill: #5f6c7a; }
.bar { fill: #dbe7f3; stroke: #7fa3c7; }
.stub { stroke: #7fa3c7; stroke-width: 2; fill: none; }
.host { fill: #fbfcfd; stroke: #9aa5b1; stroke-width: 1.2; }
.host.bad { stroke: #c0392b; stroke-width: 2; }
.host.old { stroke-dasharray: 5 4; }
.bridge { fill: #eef3ee; stroke: #8fae94; }
.bridge.bad, .box.bad { stroke: #c0392b; stroke-dasharray: 4 3; }
.box { fill: #ffffff; stroke: #b8c2cc; }
.good { fill: #1d6fa5; }
.wrong { fill: #b03021; font-weight: 600; }
.calm { stroke: #8aa4bd; stroke-width: 1.3; fill: none; }
.calm-head { fill: #8aa4bd; }
.broken { stroke: #c0392b; stroke-width: 2.4; stroke-dasharray: 7 5; fill: none; }
.broken-head { fill: #c0392b; }
.pill { fill: #fdecea; stroke: #c0392b; }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e9ee; } .page { fill: #14191f; } .quiet { fill: #9aa7b4; }
  .bar { fill: #22374c; stroke: #4f7ba6; } .stub { stroke: #4f7ba6; }
  .host { fill: #1b222a; stroke: #5d6b79; } .host.bad { stroke: #ff7b6b; }
  .bridge { fill: #1f2b24; stroke: #58805f; } .bridge.bad, .box.bad { stroke: #ff7b6b; }
  .box { fill: #141a20; stroke: #4a5764; } .good { fill: #7cc0ee; } .wrong { fill: #ff8d7e; }
  .calm { stroke: #5f7c98; } .calm-head { fill: #5f7c98; }
  .broken { stroke: #ff7b6b; } .broken-head { fill: #ff7b6b; } .pill { fill: #3a1d1a; stroke: #ff7b6b; }
}
"""
PER_CHARACTER = 6.6
"""Pixels of a character of 12 pixels, on average and rather more."""


def cut(text: str, width: float, per_character: float = PER_CHARACTER) -> str:
    """Return text that fits a width."""
    room = max(1, int(width / per_character))
    return text if len(text) <= room else text[: room - 1] + "…"


def number(value: float) -> str:
    """Return a coordinate in few characters."""
    return f"{value:.1f}".removesuffix(".0")


def rect(parent: ET.Element, x: float, y: float, width: float, height: float, kind: str, radius: int = 6) -> None:
    """Add a box."""
    ET.SubElement(
        parent,
        "rect",
        {"x": number(x), "y": number(y), "width": number(width), "height": number(height), "rx": str(radius)}
        | {"class": kind},
    )


def text(parent: ET.Element, x: float, y: float, told: str, kind: str = "", anchor: str = "start") -> None:
    """Add a line of text."""
    given = {"x": number(x), "y": number(y)} | ({"class": kind} if kind else {})
    ET.SubElement(parent, "text", given | ({"text-anchor": anchor} if anchor != "start" else {})).text = told


def path(parent: ET.Element, way: str, kind: str) -> ET.Element:
    """Add a line."""
    return ET.SubElement(parent, "path", {"d": way, "class": kind})


def head(parent: ET.Element, x: float, y: float, kind: str) -> None:
    """Add the head of an arrow that points upwards, its tip at a place."""
    path(parent, f"M{number(x)},{number(y)} l-5,9 h10 z", kind)
