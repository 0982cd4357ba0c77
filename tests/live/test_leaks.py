"""The classifier on scenes in a few words: what the measured cases looked like, and what must not be called a leak."""

from typing import Any

import pytest

from poolcheck.config.settings import Thresholds
from poolcheck.live.blocking import blocks
from poolcheck.live.leaks import judge
from poolcheck.model.look import driver
from poolcheck.model.snapshot import Leak
from poolcheck.text import seconds
from tests.live import build


def leaks(*sessions: dict[str, Any], **rest: Any) -> list[tuple[str, str, int]]:
    """Kind, certainty and size of each verdict."""
    found = build.look({"sessions": sessions, **rest}).leaks
    return [(leak.kind, leak.certainty, len(leak.members)) for leak in found]


def idle(age: float, query: str = "select * from t where id = 1", **more: Any) -> dict[str, Any]:
    """One idle session."""
    return {"state": "idle", "state_age": age, "used_for": 900.0, "query": query, **more}


STAIRCASE = [idle(300 + 40 * step, pid=10 + step) for step in range(6)]


class TestOneLook:
    """A single look can say `certain` only about idle transactions, and never `probable` about idle sessions."""

    def test_healthy_pool_in_use(self) -> None:
        """Twenty sessions, reused: none has rested for long."""
        assert leaks(*(idle(step / 10) for step in range(20))) == []

    def test_warm_after_a_burst(self) -> None:
        """All came to rest within the same moment."""
        assert leaks(*(idle(700 + step / 20, used_for=0.1) for step in range(20))) == []

    @pytest.mark.parametrize(
        "last", ["COMMIT", "ROLLBACK", "DISCARD ALL", "select 1", "", "RESET ALL", "UNLISTEN *"]
    )
    def test_given_back(self, last: str) -> None:
        """The last statement is the pool's own."""
        assert leaks(*(idle(300 + 40 * step, last) for step in range(12))) == []

    def test_mixed_statements_with_falling_load(self) -> None:
        """One by one, but after different statements."""
        texts = ["select a from t", "select b from t", "update t set c = 1", "select d from u"]
        assert leaks(*(idle(300 + 40 * step, texts[step % 4]) for step in range(8))) == []

    def test_two_sessions_are_no_leak(self) -> None:
        """Shares of two mean nothing."""
        assert leaks(*STAIRCASE[:2]) == []

    def test_staircase_is_possible(self) -> None:
        """The known false positive looks like this too, so it is never more than possible."""
        assert leaks(*STAIRCASE, {"state": "active"}) == [("forgotten release", "possible", 6)]

    def test_literals_do_not_hide_the_same_statement(self) -> None:
        """`where id = 1` and `where id = 2` are one code path."""
        found = leaks(
            *(idle(300 + 40 * n, f"select * from t where id = {n} and x = 'a{n}'") for n in range(5))
        )
        assert found == [("forgotten release", "possible", 5)]

    def test_used_once_from_many_addresses(self) -> None:
        """Frozen serverless instances: one session an address."""
        frozen = [idle(300 + 7 * n, used_for=0.05, client=f"10.0.0.{n}") for n in range(7)]
        assert leaks(*frozen) == [("abandoned", "possible", 7)]

    def test_one_leaking_pod_among_healthy_ones(self) -> None:
        """The same application from three addresses, one of which forgets."""
        healthy = [idle(n, client=address) for address in ("10.0.0.1", "10.0.0.2") for n in range(6)]
        leaking = [idle(300 + 40 * n, client="10.0.0.3") for n in range(6)]
        assert leaks(*healthy, *leaking) == [("forgotten release", "possible", 6)]

    def test_hidden_sessions_are_not_judged(self) -> None:
        """What this role may not see is unknown, not guilty and not innocent."""
        assert leaks({"count": 20, "kind": "", "state": ""}) == []

    def test_pooler_sessions_are_not_judged(self) -> None:
        """The pooler's own sessions rest after the app's statement: that is their normal state."""
        look = build.look({"sessions": STAIRCASE})
        pids = frozenset(client.pid for client in look.snapshot.clients)
        assert judge(look.snapshot, pooler_pids=pids) == ()
        through = {"route": {"kind": "pooler", "mode": "transaction"}}
        assert leaks(*STAIRCASE, {"state": "active", "own": True}, **through) == []


class TestTwoLooks:
    """With a look 30 s before, growth and stillness are known."""

    def test_growing_is_probable(self) -> None:
        """More sessions than before, the old ones still at rest."""
        before = [dict(idle(300 + 40 * n, pid=10 + n), state_change=f"t{n}") for n in range(4)]
        after = [dict(idle(330 + 40 * n, pid=10 + n), state_change=f"t{n}") for n in range(4)]
        after += [idle(3, pid=50), idle(8, pid=51)]
        found = leaks(*after, earlier={"sessions": before})
        assert found == [("forgotten release", "probable", 4)]

    def test_replaced_sessions_are_no_growth(self) -> None:
        """As many gone as new."""
        before = [dict(idle(300 + 40 * n, pid=10 + n), state_change=f"t{n}") for n in range(4)]
        before += [idle(1, pid=60), idle(1, pid=61)]
        after = [dict(idle(330 + 40 * n, pid=10 + n), state_change=f"t{n}") for n in range(4)]
        after += [idle(3, pid=50), idle(8, pid=51)]
        assert leaks(*after, earlier={"sessions": before}) == [("forgotten release", "possible", 4)]

    def test_used_meanwhile_is_not_stuck(self) -> None:
        """Every session did something between the looks."""
        before = [dict(idle(300, pid=10 + n), state_change="a") for n in range(6)]
        after = [dict(idle(31 + n, pid=10 + n), state_change="b") for n in range(6)]
        assert leaks(*after, earlier={"sessions": before}) == []

    def test_still_and_used_once_is_probable(self) -> None:
        """Nothing moved, nothing new, each used once: abandoned."""
        both = [
            dict(idle(300 + 7 * n, pid=10 + n, used_for=0.1, client=f"10.0.0.{n}"), state_change=f"t{n}")
            for n in range(5)
        ]
        assert leaks(*both, earlier={"sessions": both}) == [("abandoned", "probable", 5)]

    def test_reused_pid_is_another_session(self) -> None:
        """A pid with another start is not the session that was there before."""
        before = [dict(idle(300, pid=10 + n, backend_start=f"old{n}"), state_change="a") for n in range(4)]
        after = [
            dict(idle(35 + 3 * n, pid=10 + n, backend_start=f"new{n}"), state_change="a") for n in range(4)
        ]
        assert leaks(*after, earlier={"sessions": before}) == []


class TestIdleInTransaction:
    """Certain from its age, or from those who wait."""

    def test_old(self) -> None:
        """A minute in a transaction without a word."""
        assert leaks({"state": "idle in transaction", "state_age": 60}) == [
            ("idle in transaction", "certain", 1)
        ]

    def test_gap_between_statements(self) -> None:
        """Milliseconds are normal."""
        assert leaks({"count": 30, "state": "idle in transaction", "state_age": 0.01}) == []

    def test_young_but_in_the_way(self) -> None:
        """Somebody waits for it."""
        found = build.look(
            {
                "sessions": [
                    {"pid": 1, "state": "idle in transaction", "state_age": 2},
                    {"pid": 2, "state": "active"},
                ],
                "waits": [(2, [1])],
            }
        ).leaks
        assert [leak.evidence for leak in found] == [("idle in transaction for 2 s", "blocks 1 session")]

    def test_aborted_is_said(self) -> None:
        """A failed transaction that nobody rolled back is an unhandled error."""
        (leak,) = build.look(
            {"sessions": [{"state": "idle in transaction (aborted)", "state_age": 90}]}
        ).leaks
        assert any("failed transaction" in each for each in leak.evidence)

    def test_threshold(self) -> None:
        """The age comes from the configuration."""
        look = build.look({"sessions": [{"state": "idle in transaction", "state_age": 60}]})
        assert judge(look.snapshot, Thresholds(idle_in_transaction_old_seconds=61)) == ()


class TestBlocks:
    """The root of the tree, not one of the waiters."""

    def roots(
        self, waits: list[tuple[int, list[int]]], **states: str
    ) -> list[tuple[int, tuple[int, ...], str]]:
        """Root, waiters, verb."""
        sessions = [
            {"pid": pid, "state": states.get(f"p{pid}", "active"), "state_age": 1.0} for pid in range(1, 8)
        ]
        given = build.snapshot({"sessions": sessions, "waits": waits})
        return [(block.root, block.waiters, block.verb) for block in blocks(given)]

    def test_chain(self) -> None:
        """3 waits for 2, 2 waits for 1: the root is 1, with both behind it."""
        chain = [(2, [1]), (3, [2])]
        assert self.roots(chain, p1="idle in transaction") == [(1, (2, 3), "terminate")]

    def test_running_root_is_cancelled(self) -> None:
        """A statement can be cancelled."""
        assert self.roots([(2, [1])]) == [(1, (2,), "cancel")]

    def test_two_trees(self) -> None:
        """The bigger one first."""
        trees = [(2, [1]), (4, [3]), (5, [3]), (6, [5])]
        assert self.roots(trees) == [(3, (4, 5, 6), "cancel"), (1, (2,), "cancel")]

    def test_cycle_has_no_root(self) -> None:
        """A deadlock, before the server breaks it."""
        assert self.roots([(1, [2]), (2, [1])]) == []

    def test_prepared_transaction(self) -> None:
        """Pid 0 is one: there is no session to end."""
        assert self.roots([(2, [0])]) == [(0, (2,), "finish")]

    def test_several_blockers(self) -> None:
        """Who waits for two is behind both."""
        assert self.roots([(3, [1, 2])]) == [(1, (3,), "cancel"), (2, (3,), "cancel")]

    def test_long_chain_is_no_recursion(self) -> None:
        """A thousand sessions in a row."""
        found = blocks(build.snapshot({"waits": [(pid + 1, [pid]) for pid in range(1, 3000)]}))
        assert found[0].root == 1
        assert len(found[0].waiters) == 2999


@pytest.mark.parametrize(
    ("application", "query", "name"),
    [
        ("postgres.js", "", "postgres.js"),
        ("PostgreSQL JDBC Driver", "", "pgJDBC"),
        ("Supavisor (auth_query)", "", "Supavisor"),
        ("", 'DEALLOCATE "_pg3_3"', "psycopg 3"),
        ("", 'CLOSE "_django_curs_140_sync_1"', "Django"),
        ("", "DEALLOCATE __asyncpg_stmt_4__", "asyncpg"),
        ("web", "select * from stmtcache", ""),
        ("", "", ""),
    ],
)
def test_driver(application: str, query: str, name: str) -> None:
    """Guessed only from names that a driver gives itself."""
    assert driver(build.sessions({"application_name": application, "query": query})) == name


def test_verdict_says_what_else_it_could_be() -> None:
    """Everything short of certain names the innocent explanation and the test that tells."""
    for leak in build.look({"sessions": STAIRCASE}).leaks:
        assert isinstance(leak, Leak)
        assert leak.otherwise
        assert leak.confirm


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "an unknown time"), (0.4, "0 s"), (90, "90 s"), (611, "10 min"), (9000, "2 h"), (400000, "5 d")],
)
def test_seconds(value: float | None, words: str) -> None:
    """Ages for reading."""
    assert seconds(value) == words
