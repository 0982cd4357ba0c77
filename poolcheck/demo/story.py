"""The story: a healthy pool, a burst of frozen instances, a forgotten release, a blocking transaction, no slot left.

Every session is a real connection of a real client; nothing is made up. Ages are short here, so the thresholds of the
looks are lowered to seconds, and that is said.
"""

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg

from poolcheck.demo.keeper import alive
from poolcheck.demo.server import DemoServer

SETUP = (
    "CREATE ROLE app LOGIN",
    "CREATE ROLE monitor LOGIN",
    "GRANT pg_monitor, pg_signal_backend TO monitor",
    "CREATE TABLE orders (id int PRIMARY KEY, state text)",
    "INSERT INTO orders SELECT n, 'new' FROM generate_series(1, 100) AS n",
    "GRANT ALL ON orders TO app",
)
STUCK_SECONDS = 1  # from here on an idle session of the demo may be called stuck
GAP = 0.4  # seconds between two arrivals: the ages form a staircase


@dataclass
class Stage:
    """The server and everything that holds a slot on it."""

    server: DemoServer
    held: list[psycopg.Connection[Any]] = field(default_factory=list)
    waiting: list[threading.Thread] = field(default_factory=list)

    def client(self, name: str, *, autocommit: bool = True) -> psycopg.Connection[Any]:
        """A connection of the app's role; held until the demo ends."""
        made = psycopg.connect(
            self.server.url_for("app"), application_name=name, autocommit=autocommit, prepare_threshold=None
        )
        self.held.append(made)
        return made

    def leave_to_a_child(self, server: int) -> None:
        """Sessions stay as they are until the server, by its pid, ends: a process without a terminal keeps their sockets.

        A connection that this process closed would take its session with it, so it only lets go of the sockets.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        if os.fork() == 0:
            os.setsid()
            for stream in range(3):  # whoever waits for the end of the demo's output is not kept waiting
                os.close(stream)
            while alive(server):
                time.sleep(1)
            os._exit(0)
        for each in self.held:
            if not each.closed:
                with suppress(OSError):
                    os.close(each.fileno())

    def close(self) -> None:
        """Close what is still open: reaped sessions are gone already."""
        for each in self.held:
            with suppress(psycopg.Error):
                each.close()
        for thread in self.waiting:
            thread.join(timeout=5)


@dataclass(frozen=True)
class Scene:
    """One scene: what happens, in a sentence, and the act that makes it so."""

    name: str
    says: str
    act: Callable[[Stage], None]


def warm(stage: Stage) -> None:
    """A pool of five, each used and given back in turn."""
    pool = [stage.client("web") for _ in range(5)]
    for number in range(30):
        conn = pool[number % 5]
        conn.execute("BEGIN")
        conn.execute("SELECT state FROM orders WHERE id = %s", (number + 1,))
        conn.execute("COMMIT")


def burst(stage: Stage) -> None:
    """Four function instances: each asks once, then its platform freezes it with the connection open."""
    for _ in range(4):
        stage.client("functions").execute("SELECT count(*) FROM orders")
        time.sleep(GAP)
    time.sleep(STUCK_SECONDS + 0.3)


def leak(stage: Stage) -> None:
    """Three checkouts that nobody gives back, one after the other, all at the same line of code."""
    for _ in range(3):
        conn = stage.client("worker")
        for _ in range(4):  # more than a second of work: not a session used once
            conn.execute("SELECT id FROM orders WHERE state = %s LIMIT 1", (random.choice(("new", "paid")),))  # noqa: S311 - not a secret
            time.sleep(GAP)
    time.sleep(STUCK_SECONDS + 0.3)


def block(stage: Stage) -> None:
    """A transaction that updated a row and then waits for something else; two others wait for the row."""
    root = stage.client("billing", autocommit=False)
    root.execute("UPDATE orders SET state = 'billed' WHERE id = 1")

    def wait() -> None:
        with suppress(psycopg.Error):
            stage.client("api").execute("UPDATE orders SET state = 'sent' WHERE id = 1")

    for _ in range(2):
        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        stage.waiting.append(thread)
    time.sleep(STUCK_SECONDS + 0.5)


def full(stage: Stage) -> None:
    """More instances arrive, until the server refuses."""
    with suppress(psycopg.OperationalError):
        while True:
            stage.client("functions").execute("SELECT count(*) FROM orders")


SCENES = (
    Scene("warm", "A web server with a healthy pool of five.", warm),
    Scene("burst", "Traffic rises: four function instances connect, answer once, and are frozen.", burst),
    Scene("leak", "A worker forgets to release three connections.", leak),
    Scene("block", "A transaction is left open on a locked row; two sessions wait for it.", block),
    Scene("full", "More instances arrive. The last ordinary slot goes.", full),
)


def names() -> Iterator[str]:
    """The scenes, in order."""
    return (scene.name for scene in SCENES)
