"""Settings: what is written down completes what was typed, and what is wrong is named."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from hostgw.errors import UsageError
from hostgw_tui.actions import ACTIONS, of
from hostgw_tui.cli import complete, main
from hostgw_tui.config.keys import remapped, slug
from hostgw_tui.config.load import directory, parse
from hostgw_tui.config.model import EXAMPLES, Config, Theme, template
from hostgw_tui.parsers import build_parser


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "hostgw-tui").mkdir()
    return tmp_path / "hostgw-tui"


def options(*words: str) -> argparse.Namespace:
    args = build_parser().parse_args(words)
    complete(args)
    return args


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "not/absolute")  # to be ignored, says the specification
    monkeypatch.setenv("HOME", str(tmp_path))
    assert directory() == tmp_path / ".config" / "hostgw-tui"


@pytest.mark.usefixtures("place")
def test_without_a_file_all_is_as_ever() -> None:
    args = options("check", "--hosts", "vm1")
    assert (args.hosts, args.network, args.sudo, args.timeout) == ("vm1", None, False, 30.0)
    assert options("check").hosts is None


def test_what_is_written_completes_what_was_typed(place: Path) -> None:
    (place / "config.toml").write_text(
        'hosts = ["vm1", "root@10.0.0.5:2222"]\nnetwork = "10.239.0.0/16"\nsudo = true\ntimeout = 60\ntheme = "light"\n'
    )
    args = options("check")
    assert (args.hosts, args.network, args.sudo, args.timeout) == ("vm1,root@10.0.0.5:2222", "10.239.0.0/16", True, 60)
    assert args.config.theme is Theme.LIGHT
    other = options("check", "--hosts", "vm9", "--timeout", "5")
    assert (other.hosts, other.network, other.sudo, other.timeout) == ("vm9", None, True, 5)


def test_a_hosts_file_beside_it_is_the_inventory(place: Path) -> None:
    (place / "hosts.toml").write_text("[hosts.vm1]\n")
    assert options("check").inventory == place / "hosts.toml"
    assert options("check", "--lab", "demo").inventory is None
    (place / "config.toml").write_text('inventory = "~/other.toml"\n')
    assert options("check").inventory == Path("~/other.toml").expanduser()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("host = ['vm1']", "has no setting host"),
        ("zzz = 1", "There are: hosts"),
        ("sudo = 'yes'", "Expected `bool`"),
        ("timeout = -1", "timeout"),
        ("theme = 'pink'", "pink"),
        ("hosts = [", "is no TOML"),
        ("x = '\x1b[2J'", "is no TOML"),
        ("hosts = ['a']\ninventory = 'b'", "exclude each other"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "config.toml").write_text(text)
    assert main(["check"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "config.toml" in error
    assert "\x1b" not in error
    assert main(["schema", "check"]) == 0  # needs no settings


def test_near_names_are_told() -> None:
    with pytest.raises(UsageError, match=r"Did you mean read_only\?"):
        parse(b"readonly = true", "config.toml")


def test_init_writes_once_and_what_it_says_is_true(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "init"]) == 0
    path = place / "config.toml"
    assert parse(path.read_bytes(), "config.toml") == Config()
    assert main(["config", "init"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["config", "init", "--force"]) == 0
    lines = (line.removeprefix("# ") for line in template().splitlines() if " = " in line and "host" not in line)
    for line in lines:  # every example can be taken as it stands
        table = "[keys]\n" if line.partition(" ")[0] not in EXAMPLES else ""
        assert parse(f"{table}{line}\n".encode(), "config.toml") != Config()


def test_show_names_values_and_sources(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = place / "config.toml"
    path.write_text('sudo = true\n[keys]\nfix = "f2"\n')
    path.chmod(0o666)
    assert main(["config", "show"]) == 0
    shown = capsys.readouterr()
    rows = {line.split()[0]: line for line in shown.out.splitlines()}
    assert rows["sudo"].split()[1:] == ["true", str(path)]
    assert rows["fps"].split()[1:] == ["10", "default"]
    assert "fix = f2" in rows["keys"]
    assert "others can write" in shown.err
    assert main(["config", "show", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["exists"]
    assert {"name": "sudo", "value": "true", "source": str(path)} in report["settings"]


def test_other_keys() -> None:
    found = remapped(ACTIONS, {"fix": "f2", "next-finding": ("n", "ctrl+n")}, "config.toml")
    assert {action.keys for action in found if slug(action) == "fix"} == {("f2",)}
    assert [action.keys for action in found if slug(action) == "next-finding"] == [("n", "ctrl+n")]
    assert len(found) == len(ACTIONS)
    with pytest.raises(UsageError, match="there is no action fixx"):
        remapped(ACTIONS, {"fixx": "x"}, "config.toml")
    with pytest.raises(UsageError, match="u would be"):
        remapped(ACTIONS, {"fix": "u"}, "config.toml")
    assert remapped(ACTIONS, {}, "config.toml") == tuple(ACTIONS)
    assert list(of("fix"))  # the registry itself is as it was
