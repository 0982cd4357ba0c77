"""The files around a project: read once, and as an edit would leave them."""

from pathlib import Path

import pytest

from poolcheck.config.settings import Config
from poolcheck.project.packages import Packages


@pytest.mark.parametrize("edited", [b"", b"[]"])
def test_an_edited_file_is_read_as_the_edit_leaves_it(
    edited: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty too: nothing is not the same as no edit."""
    monkeypatch.chdir(tmp_path)
    Path("package.json").write_text('{"dependencies": {"pg": "8.16.0"}}', encoding="utf-8")

    packages = Packages(Config(), {"package.json": edited})

    assert packages.text("package.json") == edited.decode()
