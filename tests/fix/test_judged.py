"""What is written is made from the bytes that were judged: whoever changes a file meanwhile loses nothing, and is told of."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from poolcheck.config.file import Settings
from poolcheck.diagnosis import lint
from poolcheck.errors import PoolcheckError
from poolcheck.fix.fix import FixOptions, fix
from poolcheck.fix.rounds import MendChoice, mend

EXAMPLES = Path(__file__).parents[2] / "examples"
WRITE = FixOptions(asked="write", choice=MendChoice(unsafe=True), force=True)


@pytest.mark.parametrize("change", ["prepended", "appended", "mended already", "gone", "replaced"])
@pytest.mark.parametrize(
    "name", ["nextjs-prisma6-neon-direct", "prisma7-with-old-schema", "supabase-6543-without-flag"]
)
def test_change_after_the_judgement_is_noticed(
    name: str, change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file that would be edited, changed as soon as it was judged: no edit is planned on a text nobody judged."""
    shutil.copytree(EXAMPLES / name, tmp_path / name)
    monkeypatch.chdir(tmp_path / name)
    texts = mend(["."], Settings({}), WRITE.choice).texts
    files = {path: old for path, (old, _) in texts.items() if old is not None}
    real = lint.report_on
    assert files
    for path, old in files.items():
        other = {
            "prepended": f"A=1\n{old}",
            "appended": f"{old}\nA=1\n",
            "mended already": texts[path][1],
            "replaced": "A=1\n",
        }.get(change)
        late: list[int] = []

        def judged(
            *arguments: Any, path: str = path, other: str | None = other, late: list[int] = late
        ) -> Any:
            report = real(*arguments)
            if not late:
                late.append(1)
                Path(path).unlink() if other is None else Path(path).write_text(other)
            return report

        before = {each: Path(each).read_bytes() for each in files}
        monkeypatch.setattr(lint, "report_on", judged)
        with pytest.raises(
            PoolcheckError, match=r"changed after it was read|cannot be read again|no PostgreSQL connection"
        ):
            fix(["."], Settings({}), WRITE)

        assert (Path(path).read_text() if Path(path).exists() else None) == other
        assert {each: Path(each).read_bytes() for each in files if each != path} == {
            each: data for each, data in before.items() if each != path
        }
        Path(path).write_text(old)


def test_many_at_once(tmp_path: Path) -> None:
    """One of them writes, once; the others have nothing to do or are refused; and nothing is left behind."""
    shutil.copytree(EXAMPLES / "supabase-6543-without-flag", tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    command = [sys.executable, "-m", "poolcheck", "fix", "--write", "--unsafe"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    subprocess.run(command, cwd=tmp_path / "b", env=environment, capture_output=True, check=False)
    many = [
        subprocess.Popen(
            command, cwd=tmp_path / "a", env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(6)
    ]
    said = [(each.communicate()[0].decode(), each.returncode) for each in many]

    one, other = ({each.relative_to(top): each.read_bytes() for each in top.rglob("*") if each.is_file()}
                  for top in (tmp_path / "a", tmp_path / "b"))  # fmt: skip
    assert one == other
    assert all(code != 2 or "changed after it was read" in text for text, code in said), Counter(
        code for _, code in said
    )
    assert any(code != 2 for _, code in said)
