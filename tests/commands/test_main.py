"""The terminal as an operator meets it: help, misuse, errors in plain words."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

import commands
from commands import CommandFailed
from commands.__main__ import FAMILIES, build_parser, main
from engine.core.errors import NotFound, Unavailable


def _subparsers(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    return next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))


def test_help_has_one_line_for_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """B: `./parvis --help` lists all commands with one line each."""
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    listed = capsys.readouterr().out
    choices = _subparsers(build_parser())
    helps = {action.dest: action.help for action in choices._choices_actions}
    assert set(helps) == set(choices.choices)
    for name, help_text in helps.items():
        assert f"    {name} " in listed
        assert help_text
        assert help_text[0].islower(), "a phrase, not a sentence"
        assert not help_text.endswith(".")


def test_no_command_module_is_forgotten() -> None:
    folder = Path(commands.__path__[0])
    modules = {path.stem: path for path in folder.glob("*.py")}
    modules |= {path.parent.name: path for path in folder.glob("*/__init__.py")}
    assert {name for name, path in modules.items() if "\ndef register(" in path.read_text()} == set(FAMILIES)


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "commands:" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["nope"], ["lint", "nope"], ["jobs", "--nope"], ["jobs", "retry", "not-an-id"]])
def test_misuse_says_so_and_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (CommandFailed("no such thing", status=3), 3, "parvis: no such thing"),
        (NotFound("Cette version n’existe pas.", slug="x", english="x has no version"), 1, "parvis: x has no version"),
        (NotFound(job_id=7), 1, "parvis: there is no such thing (job id 7)"),
        (Unavailable(reason="the scanner hung up"), 1, "parvis: something needed doesn’t answer (the scanner hung up)"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_expected_error_is_one_line(
    error: BaseException, status: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(options: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr("commands.operations.run", fail)
    assert main(["operations"]) == status
    assert capsys.readouterr().err.strip() == said


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(options: argparse.Namespace) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("commands.operations.run", fail)
    with pytest.raises(ZeroDivisionError):
        main(["operations"])
