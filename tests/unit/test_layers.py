"""What an import brings along, seen in a fresh interpreter: static analysis cannot see what is deferred."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import hostgw

SCRIPT = "import sys, {module}; print([m for m in sys.modules if m.partition('.')[0] in {unwanted!r}])"
PACKAGE = Path(hostgw.__file__).parent
MODULES = sorted(
    ".".join(("hostgw", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if "agent" not in path.parts
)


def brought(module: str, *unwanted: str) -> str:
    code = SCRIPT.format(module=module, unwanted=unwanted)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_whole_library_never_imports_textual() -> None:
    """All modules in one interpreter: what one brings, all bring."""
    code = f"import sys, importlib\nfor m in {MODULES!r}: importlib.import_module(m)\n"
    code += "print([m for m in sys.modules if m.partition('.')[0] in ('textual', 'rich')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "module", ["hostgw.model.kernel", "hostgw.mesh", "hostgw.checks.run", "hostgw.paths.netfilter"]
)
def test_the_domain_needs_no_transport(module: str) -> None:
    assert brought(module, "paramiko", "pyroute2", "pyshark") == "[]"


def test_the_first_picture_needs_neither_engine_nor_checks_nor_ssh() -> None:
    code = "import sys, hostgw_tui.showing, hostgw_tui.app, hostgw_tui.overview.screen; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    late = ("hostgw.live.engine", "hostgw.checks.run", "hostgw.mesh.build", "hostgw.plans", "hostgw.capture",
            "hostgw.paths.netfilter", "hostgw.report", "hostgw_tui.fix", "paramiko", "pyroute2", "pyshark")  # fmt: skip
    assert [name for name in done.stdout.split() if name.startswith(late)] == []


def test_no_file_is_overgrown() -> None:
    roots = (PACKAGE, PACKAGE.parent.parent / "tui")
    long = {p.name: n for r in roots for p in r.rglob("*.py") if (n := len(p.read_text().splitlines())) > 600}
    assert long == {}
