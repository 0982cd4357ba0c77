"""Numbers that code reads by a property's name, and what the project's config files say of it."""

from pathlib import Path

import pytest

from poolcheck.config.settings import Config
from poolcheck.model.source import SourceFile
from poolcheck.project.collect import collect

CODE = """import com.zaxxer.hikari.*;

class Db {
    @Value("${db.pool-size:10}") int max;

    HikariDataSource make() {
        HikariConfig c = new HikariConfig();
        c.setMaximumPoolSize(max);
        return new HikariDataSource(c);
    }
}
"""


@pytest.mark.parametrize(
    ("name", "text", "size"),
    [
        ("application.properties", "other=1", "${DB_POOL_SIZE:-10}"),
        ("application.properties", "db.pool-size=22", "${DB_POOL_SIZE:-22}"),
        ("application.properties", "db.poolSize=${POOL:7}", "${POOL:-7}"),
        ("application.properties", "db.pool-size=${POOL}", "${POOL}"),
        ("application.yml", "db:\n  pool-size: 22", "${DB_POOL_SIZE:-22}"),
        (
            "application.yml",
            "db:\n  pool-size: 5\n---\nspring.config.activate.on-profile: prod\ndb:\n  pool-size: 9",
            "${DB_POOL_SIZE:-9}",
        ),
        (
            "application.yml",
            "a: 1\n---\nspring.config.activate.on-profile: test\ndb:\n  pool-size: 9",
            "${DB_POOL_SIZE}",
        ),
        ("application.properties", "spring.config.import=configserver:", "${DB_POOL_SIZE}"),
    ],
)
def test_a_property_counts_before_the_default_in_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, size: str
) -> None:
    """The base file and production's profile; what another stage or another file may say is a question."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Db.java").write_text(CODE)
    (tmp_path / name).write_text(text)
    found = collect(["."], Config())
    (file,) = [each for each in found.subjects if isinstance(each, SourceFile)]
    assert [site.option("setMaximumPoolSize") for site in file.sites] == [size]
