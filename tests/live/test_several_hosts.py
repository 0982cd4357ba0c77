"""A string with several hosts: each one's answer is named, and the cause is taken from the one that says most."""

import json

import pytest

from poolcheck.connection.secret import Secret
from poolcheck.live.credentials import one_by_one
from tests.commands.running import poolcheck
from tests.live.scenes import scene
from tests.servers import Postgres, free_port

pytestmark = pytest.mark.postgres


def hosts(*ports: int, user: str = "app", more: str = "") -> str:
    """A string with a host for each port."""
    named = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgresql://{user}@{named}{more}/postgres"


class TestNoneLetsIn:
    """All refuse."""

    def test_the_full_one_is_the_cause(self, postgres: Postgres) -> None:
        """One is closed, one is full, one has no address: full is what matters, whatever its place in the list."""
        closed = free_port()
        with scene(postgres) as stage:
            stage.fill()
            text = hosts(closed, postgres.port, more=",no-host.invalid:5432")
            ran = poolcheck("live", text)
            turned = poolcheck("live", hosts(postgres.port, closed))
            data = json.loads(poolcheck("live", text, "--format", "json").out)
        assert ran.code == turned.code == 1
        assert "None of 3 hosts let poolcheck in" in ran.out
        assert f"127.0.0.1:{closed}: Connection refused" in ran.out
        assert "no-host.invalid:5432: " in ran.out
        for said in (ran.out, turned.out):
            assert f"Full   127.0.0.1:{postgres.port}: only the superusers' reserve is left" in said
        assert data["refusal"]["port"] == postgres.port
        assert [each["host"] for each in data["refusal"]["hosts"]] == [
            f"127.0.0.1:{closed}",
            f"127.0.0.1:{postgres.port}",
            "no-host.invalid:5432",
        ]
        assert data["refusal"]["hosts"][1]["id"]

    def test_all_closed(self) -> None:
        """Nobody answered: a failure, and each is named."""
        first, second = free_port(), free_port()
        ran = poolcheck("live", hosts(first, second))
        assert ran.code == 2
        assert f"127.0.0.1:{first}: Connection refused" in ran.out
        assert f"127.0.0.1:{second}: Connection refused" in ran.out

    def test_reap_and_watch_say_it_too(self, postgres: Postgres) -> None:
        """The same cause for whoever looks."""
        with scene(postgres) as stage:
            stage.fill()
            text = hosts(free_port(), postgres.port)
            reaped = poolcheck("reap", text)
            watched = poolcheck("live", text, "--watch", "100ms", "--count", "1")
        assert reaped.code == watched.code == 1
        assert "only the superusers' reserve is left" in reaped.out
        assert "only the superusers' reserve is left" in watched.out


def test_the_second_lets_in(postgres: Postgres) -> None:
    """The look is the second one's, and what the first said is no secret."""
    closed = free_port()
    with scene(postgres):
        ran = poolcheck("live", hosts(closed, postgres.port, user="monitor"))
    assert ran.code == 0
    said = " ".join(ran.out.split())
    assert (
        f"127.0.0.1:{closed} of argument did not let poolcheck in (Connection refused): what is shown is 127.0.0.1:{postgres.port}."
        in said
    )
    assert f"as monitor at 127.0.0.1:{postgres.port}" in said


class TestOneByOne:
    """The lists of libpq: hosts, addresses and ports belong together by their places."""

    def test_a_port_for_all_or_for_each(self) -> None:
        """One port is everybody's; the password goes along."""
        secret = Secret("x")
        assert one_by_one({"host": "a,b", "port": "6432", "password": secret}) == [
            {"host": "a", "port": "6432", "password": secret},
            {"host": "b", "port": "6432", "password": secret},
        ]
        assert [each["port"] for each in one_by_one({"host": "a,b", "port": "1,2"})] == ["1", "2"]
        assert [each["hostaddr"] for each in one_by_one({"host": "a,b", "hostaddr": "::1,::2"})] == [
            "::1",
            "::2",
        ]
        assert one_by_one({"hostaddr": "10.0.0.1,10.0.0.2"}) == [
            {"hostaddr": "10.0.0.1"},
            {"hostaddr": "10.0.0.2"},
        ]

    @pytest.mark.parametrize(
        "words", [{"host": "a"}, {}, {"host": "a,b", "port": "1,2,3"}, {"host": "a,b", "hostaddr": "::1"}, {"service": "x"}]
    )  # fmt: skip
    def test_what_does_not_fit_together_is_libpqs_own_error(self, words: dict[str, str | Secret]) -> None:
        """As it is: libpq says what is wrong with it."""
        assert one_by_one(words) == [words]
