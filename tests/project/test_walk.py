"""Which files of a project are looked at: as git would say, env files apart."""

import subprocess
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from poolcheck.project.walk import walk
from poolcheck.readers.env import dotenv

NAMES = st.sampled_from(["a.ts", "b.ts", "a.log", "keep.log", "x", "#x", "sub", "deep", "a b.ts", "[a].ts"])
PATTERNS = st.sampled_from(
    ["*.log", "!keep.log", "/sub", "sub/", "deep/**", "a.*", "!a.ts", "x", r"\#x", "# comment", "", "**/b.ts", "sub/a.ts", "[ab].ts", "a b.ts", "/deep/**", "deep/**/", "!deep/x", "**", "!sub/", "deep/* ", "sub/**/a.ts"]
)  # fmt: skip


def found(root: Path) -> set[str]:
    """What the walk yields."""
    return set(
        walk(
            str(root),
            lambda name: True,
            dotenv.matches,
            problem=lambda path, error: None,
            refused=lambda path, why: None,
        )
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(paths=["deep/a.ts", "deep/x/a.ts"], patterns=["deep/**", "!a.ts"], inner=[])
@given(
    paths=st.lists(
        st.lists(NAMES, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8, unique=True
    ),
    patterns=st.lists(PATTERNS, max_size=5),
    inner=st.lists(PATTERNS, max_size=3),
)
def test_as_git_says(tmp_path: Path, paths: list[str], patterns: list[str], inner: list[str]) -> None:
    """Every file that git would not ignore, and no other; with a .gitignore in a folder below, too."""
    root = Path(
        subprocess.run(
            ["mktemp", "-d", "-p", tmp_path], capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    made = set()
    for path in paths:
        target = root / path
        if any(parent.is_file() for parent in target.parents) or target.is_dir():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("x")
        made.add(path)
    (root / ".gitignore").write_text("\n".join(patterns) + "\n")
    if (root / "sub").is_dir():
        (root / "sub" / ".gitignore").write_text("\n".join(inner) + "\n")
    git = ["git", "-c", "core.quotePath=false", "-c", "core.excludesFile=/dev/null", "-C", str(root)]
    subprocess.run([*git, "init", "-q"], check=True)
    said = subprocess.run(
        [*git, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True
    )

    theirs = {line for line in said.stdout.splitlines() if not line.endswith(".gitignore")}
    assert {path for path in found(root) if not path.endswith(".gitignore")} == theirs & made


def ignored(root: Path, text: str) -> tuple[set[str], list[str]]:
    """What the walk yields under a .gitignore, and what it refused to read."""
    (root / ".gitignore").write_text(text)
    refused: list[str] = []
    paths = walk(
        str(root),
        lambda name: name.endswith(".ts"),
        dotenv.matches,
        problem=lambda path, error: None,
        refused=lambda path, why: refused.append(why),
    )
    return set(paths), refused


def test_the_last_of_equal_lines_decides(tmp_path: Path) -> None:
    """A line that is repeated counts where it stands last, as in git."""
    (tmp_path / "a.ts").write_text("")

    assert ignored(tmp_path, "a.ts\n!a.ts\na.ts\n") == (set(), [])
    assert ignored(tmp_path, "!a.ts\na.ts\n!a.ts\n") == ({"a.ts"}, [])


def test_a_hostile_gitignore_is_over_or_refused(tmp_path: Path) -> None:
    """One wildcard behind another is tried once; more of them than anybody writes are not tried at all."""
    name = "a" * 240 + ".ts"
    (tmp_path / name).write_text("")

    assert ignored(tmp_path, "*a" * 100 + "b\n") == ({name}, [])
    assert ignored(tmp_path, "".join("*a" * 8 + f"{number}\n" for number in range(1_000))) == (
        {name},
        ["more than 6,000 wildcards"],
    )
