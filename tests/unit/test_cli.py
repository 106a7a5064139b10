"""The command line without hosts: what it imports, its help, what it refuses, how it ends."""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from argparse_manpage.manpage import Manpage

from hostgw.lab import VARIANTS
from hostgw.lab.parser import VARIANT_NAMES
from hostgw.report.model import SCHEMAS
from hostgw_tui.cli import COMMANDS, main
from hostgw_tui.parsers import COMMAND_NAMES, SCHEMA_NAMES, build_parser

HELP = Path(__file__).parents[1] / "data" / "help.txt"
PROGRAM = [sys.executable, "-m", "hostgw_tui"]
HEAVY = ("textual", "rich", "paramiko", "pyroute2", "pyshark", "cryptography", "hostgw.live", "hostgw.ssh")


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers(below)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse words its help differently from 3.13 on")
def test_help_is_as_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever changes the command line changes tests/data/help.txt (HOSTGW_UPDATE=1 writes it), then the docs."""
    monkeypatch.setenv("COLUMNS", "120")
    text = "\n".join(f"$ {each.prog} --help\n{each.format_help()}" for each in parsers(build_parser()))
    if os.environ.get("HOSTGW_UPDATE"):
        HELP.write_text(text)
    assert text == HELP.read_text()


def test_every_command_is_in_both_tables() -> None:
    assert {None, *COMMAND_NAMES} == set(COMMANDS)
    assert sorted(SCHEMA_NAMES) == sorted(SCHEMAS)
    assert tuple(VARIANTS) == VARIANT_NAMES
    assert {each.prog.split()[1] for each in parsers(build_parser()) if " " in each.prog} == set(COMMAND_NAMES)


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["check", "--help"], ["lab", "up", "--help"]])
def test_help_and_version_import_nothing_heavy(words: list[str]) -> None:
    program = (
        "import sys\nfrom hostgw_tui.cli import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit as end:\n    assert not end.code\n"
        f"sys.exit(' '.join(name for name in {HEAVY!r} if name in sys.modules) or 0)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, ""), "imported"
    print(f"{' '.join(words)}: {1000 * (after.ru_utime - before.ru_utime):.0f} ms")  # noqa: T201 - told, not asserted


REQUIRED = {
    "snapshot": ["-o", "f"],
    "join": ["vm1"],
    "leave": ["vm1"],
    "attach": ["vm1", "c1"],
    "detach": ["vm1", "c1"],
    "inventory": ["init"],
    "path": ["vm1", "vm2"],
    "trace": ["vm1", "vm2"],
}
"""What commands cannot do without."""


@pytest.mark.parametrize(
    "command", [c for c in COMMAND_NAMES if c not in ("completion", "config", "explain", "schema", "lab")]
)
def test_options_stand_before_and_after_the_command(command: str) -> None:
    rest = REQUIRED.get(command, [])
    options = ["--lab", "x", "--json", "--read-only", "--timeout", "3", "--network", "10.0.0.0/8", "--accept-new"]
    before = build_parser().parse_args([*options, command, *rest])
    after = build_parser().parse_args([command, *rest, *options])
    mixed = build_parser().parse_args([*options[:3], command, *rest, *options[3:]])
    assert vars(before) == vars(after) == vars(mixed)
    assert build_parser().parse_args([command, *rest]).timeout is None  # settings say


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check"], "no hosts given"),
        (["check", "--hosts", "a", "--inventory", "b"], "--hosts and --inventory exclude each other"),
        (["check", "--hosts", "vm1,vm1"], "named twice"),
        (["check", "--hosts", ","], "no hosts are named"),
        (["check", "--hosts", "\x1b[2J"], "is no host"),
        (["check", "--hosts", "-oProxyCommand=id"], "expected one argument"),
        (["check", "--hosts=-oProxyCommand=id"], "-oProxyCommand=id"),
        (["check", "--inventory", "/nonexistent"], "cannot read /nonexistent"),
        (["check", "--hosts", "a", "--ssh-config", "/nonexistent"], "no file /nonexistent"),
        (["check", "--hosts", "a", "--network", "x"], "--network x is no IPv4 prefix"),
        (["check", "--hosts", "a", "--network", "\x1b]0;x\x07"], "is no IPv4 prefix"),
        (["check", "--hosts", "a", "--network", "10.0.0.0/33"], "is no IPv4 prefix"),
        (["check", "--hosts", "a", "--timeout", "-1"], "no number of seconds"),
        (["check", "--hosts", "a", "--timeout", "nan"], "no number of seconds"),
        (["check", "--hosts", "a", "--timeout", "x"], "no number of seconds"),
        (["capture", "--hosts", "a", "--packets", "0"], "no number above 0"),
        (["capture", "--hosts", "a", "--seconds", "0"], "no number of seconds"),
        (["fix", "--hosts", "a", "--code", "route-mising"], "Did you mean route-missing?"),
        (["fix", "--hosts", "a", "--code", "x"], "There are: route-missing"),
        (["fix", "--hosts", "a", "--read-only", "--yes"], "--read-only refuses every change"),
        (["undo", "--hosts", "a", "--read-only", "--yes"], "--read-only refuses every change"),
        (["undo", "--hosts", "a", "--all", "abcd"], "not allowed with"),
        (["snapshot", "--hosts", "a"], "-o/--output"),
        (["schema", "x"], "invalid choice"),
        (["watch"], "no hosts given"),
        (["watch", "--hosts", "a", "--listen", "9188"], "names no IP address and port"),
        (["watch", "--hosts", "a", "--listen", "example.org:9188"], "names no IP address and port"),
        (["watch", "--hosts", "a", "--listen", "\x1b[2J:1"], "names no IP address and port"),
        (["watch", "--hosts", "a", "--listen", "127.0.0.1:65536"], "has no port from 0 to 65535"),
        (["watch", "--hosts", "a", "--listen", "127.0.0.1:"], "has no port from 0 to 65535"),
        (["watch", "--hosts", "a", "--listen", "192.0.2.1:0"], "cannot listen on 192.0.2.1:0"),
        (["watch", "--hosts", "a", "--every", "5"], "--every needs --probe"),
        (["watch", "--hosts", "a", "--probe", "--every", "0"], "no number of seconds"),
        (["explain", "route-mising"], "Did you mean route-missing"),
        (["explain", "--json", "\x1b[2J"], "no code and no entry"),
        (["explain", "R1", "R2"], "unrecognized"),
        (["bogus"], "invalid choice"),
        (["check", "--bogus"], "unrecognized"),
        (["--json", "--hosts", "a"], "--json needs a command"),
        (["--hosts", "a"], "needs a terminal"),
        (["--lab", "check"], "Put the command first: hostgw-tui check --lab"),
        (["--lab", "routes", "--json"], "Put the command first: hostgw-tui routes --lab"),
        (["lab"], "COMMAND"),
    ],
)
def test_usage_errors_are_one_clear_error_and_exit_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main(words)
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert said in err
    assert "\x1b" not in err
    assert err.count("error:") == 1


def run(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*PROGRAM, *words], text=True, timeout=60, check=False, stderr=subprocess.PIPE, **options)  # type: ignore[call-overload]
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done  # type: ignore[no-any-return]


def test_a_full_disk_is_told() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = run("undo", "--list", stdout=full)
    assert (done.returncode, done.stderr.count("error:")) == (2, 1)
    assert "stdout cannot be written" in done.stderr


def test_a_closed_stdout_is_told() -> None:
    done = run("undo", "--list", preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (2, "error: stdout is closed\n")


def test_nobody_reads() -> None:
    read, write = os.pipe()
    os.close(read)
    done = run("schema", "check", stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize("term", ["dumb", ""])
def test_dashboard_on_a_dumb_terminal_names_the_text_mode(term: str) -> None:
    control, terminal = os.openpty()
    try:
        environment = {**os.environ, "TERM": term}
        done = run("--hosts", "a", stdin=terminal, stdout=terminal, env=environment)
    finally:
        os.close(control)
        os.close(terminal)
    assert done.returncode == 2
    assert "TERM" in done.stderr
    assert "check --json" in done.stderr


def completed(line: str) -> set[str]:
    """Return what bash would offer, asked as it asks (argcomplete's protocol: answers on file descriptor 8)."""
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9"}
    script = 'exec 8>&1 9>/dev/null; exec "$@" >/dev/null'
    argv = ["bash", "-c", script, "bash", *PROGRAM]
    done = subprocess.run(argv, env={**os.environ, **asked, "_ARGCOMPLETE_IFS": " "}, capture_output=True, timeout=60)
    return set(done.stdout.decode().split())


def test_shells_are_told_what_may_stand_next() -> None:
    assert {"check", "capture", "config"} <= completed("hostgw-tui c")
    assert completed("hostgw-tui schema ") >= set(SCHEMAS)
    assert "--dry-run" in completed("hostgw-tui fix --dr")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "hostgw-tui" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script.encode(), check=True)


MANUAL = Path(__file__).parents[2] / "docs" / "hostgw-tui.1"


def test_the_manual_is_as_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """HOSTGW_UPDATE=1 writes it; groff finds nothing to say of it, where it is installed."""
    monkeypatch.setenv("COLUMNS", "120")
    page = Manpage(build_parser())
    page.date, page.manual = "", "hostgw-tui manual"
    text = str(page)
    if os.environ.get("HOSTGW_UPDATE"):
        MANUAL.write_text(text)
    assert text == MANUAL.read_text()
    if groff := shutil.which("groff"):
        done = subprocess.run([groff, "-man", "-Tutf8", "-ww", "-z", str(MANUAL)], capture_output=True, text=True)
        assert [line for line in done.stderr.splitlines() if "cannot adjust" not in line] == []  # long words do that
