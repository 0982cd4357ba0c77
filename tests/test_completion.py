"""Shell completion, as the README sets it up: the scripts for bash, zsh and fish, and what they offer."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.running import poolcheck

CHECKS = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}


def offered(*words: str) -> list[str]:
    """What bash is offered for the last word."""
    line = "poolcheck " + " ".join(words)
    ran = poolcheck(
        env={"_POOLCHECK_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    )
    assert ran.code == 0, ran.err
    return [answer.partition(",")[2] for answer in ran.out.splitlines() if answer]


@pytest.mark.parametrize("shell", CHECKS)
def test_script(shell: str, tmp_path: Path) -> None:
    """Each script names the program and asks it; a shell that is here reads it without complaint."""
    ran = poolcheck(env={"_POOLCHECK_COMPLETE": f"{shell}_source"})

    assert (ran.code, ran.err) == (0, "")
    assert f"_POOLCHECK_COMPLETE={shell}_complete" in ran.out
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(ran.out)
        subprocess.run([*CHECKS[shell], str(script)], check=True)


def test_unknown_shell_is_refused() -> None:
    """Exit code 1 is click's, and nothing is printed that a shell would run."""
    ran = poolcheck(env={"_POOLCHECK_COMPLETE": "tcsh_source"})

    assert ran.code != 0
    assert ran.out == ""


def test_what_is_offered() -> None:
    """Commands, options, the values of choices, and the formats that a command has."""
    assert offered("l") == ["lint", "live"]
    assert offered("lint", "--run") == ["--runtime"]
    assert offered("lint", "--runtime", "s") == ["serverless", "server"]
    assert offered("lint", "--format", "s") == ["sarif"]
    assert offered("live", "--format", "pro") == ["prometheus"]
    assert offered("size", "--format", "sar") == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_in_a_real_bash(tmp_path: Path) -> None:
    """The line of the README, then a completion as the Tab key asks for it."""
    program = tmp_path / "poolcheck"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m poolcheck "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(_POOLCHECK_COMPLETE=bash_source poolcheck)"\n'
        "COMP_WORDS=(poolcheck ga); COMP_CWORD=1\n"
        "_poolcheck_completion poolcheck; printf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.split() == ["gate"]
