"""A fleet of real processes, one connection pool each, that are given requests as a platform would.

Run as a program: the plan comes as JSON on standard input, what happened goes as JSON to standard output. All workers
are forked before the first request, so that starting one costs nothing; a new instance is one that begins to be used.
"""

import heapq
import json
import os
import select
import socket
import sys
import time
from typing import Any

import psycopg


def work(pipe: socket.socket, plan: dict[str, Any]) -> None:
    """One instance: a pool of `limit` connections and one request at a time."""
    pool: list[psycopg.Connection[Any]] = []
    refusals: list[float] = []
    idle = None if plan["frozen"] or plan["eager"] else plan["idle_timeout"]
    opened = False

    def connect() -> bool:
        try:
            # Nothing is prepared and no BEGIN is sent: the hold is one statement.
            pool.append(psycopg.connect(plan["url"], autocommit=True, prepare_threshold=None))
        except psycopg.OperationalError:
            refusals.append(time.monotonic())
            return False
        return True

    while True:
        if not select.select([pipe], [], [], idle if pool else None)[0]:
            pool.pop().close()
            continue
        text = pipe.recv(64)
        if not text:
            return
        hold, came = map(float, text.split())
        refusals.clear()
        if plan["eager"] and not opened:
            opened = True
            for _ in range(plan["limit"]):
                connect()
        while not pool and not connect():
            if plan["retry"] is None or time.monotonic() + plan["retry"] - came > plan["give_up"]:
                break
            time.sleep(plan["retry"])
        if pool:
            # Whole milliseconds are what pg_sleep is exact to.
            pool[0].execute(f"SELECT pg_sleep({hold:.3f})".encode())
        pipe.send(json.dumps({"ok": bool(pool), "refusals": refusals, "open": len(pool)}).encode())


def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Give every request to the instance that was used last, or to a new one."""
    workers: list[socket.socket] = []
    for _ in range(plan["workers"]):
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            ours.close()
            for each in workers:
                each.close()
            work(theirs, plan)
            os._exit(0)
        theirs.close()
        workers.append(ours)
    time.sleep(1.0)
    poll = select.poll()
    for each in workers:
        poll.register(each, select.POLLIN)
    number = {each.fileno(): index for index, each in enumerate(workers)}
    ready: list[int] = []
    pending: list[tuple[float, int, int, float]] = []  # cold starts: when, instance, request, its arrival
    asked: dict[int, tuple[int, float]] = {}
    started = generation = 0
    results: list[Any] = [None] * len(plan["moments"])
    refusals: list[float] = []
    deploy = plan["deploy_at"]
    begun = time.monotonic() + 0.2
    upcoming = 0

    def give(instance: int, request: int, came: float) -> None:
        asked[instance] = (request, came)
        workers[instance].send(f"{plan['holds'][request]:.6f} {came:.6f}".encode())

    while upcoming < len(results) or asked or pending:
        now = time.monotonic() - begun
        due = [plan["moments"][upcoming]] if upcoming < len(results) else []
        due += [pending[0][0]] if pending else []
        for fd, _ in poll.poll(max(0.0, (min(due) - now) * 1000) if due else 1000):
            instance = number[fd]
            answer = json.loads(workers[instance].recv(1 << 16))
            request, came = asked.pop(instance)
            results[request] = [answer["ok"], time.monotonic() - came]
            refusals += [each - begun for each in answer["refusals"]]
            if instance >= generation:
                ready.append(instance)
        now = time.monotonic() - begun
        if deploy is not None and now >= deploy:
            ready.clear()
            generation, deploy = started, None
        while pending and pending[0][0] <= now:
            _, instance, request, came = heapq.heappop(pending)
            give(instance, request, came)
        while upcoming < len(results) and plan["moments"][upcoming] <= now:
            came = begun + plan["moments"][upcoming]
            if ready:
                give(ready.pop(), upcoming, came)
            else:
                heapq.heappush(
                    pending, (plan["moments"][upcoming] + plan["cold_start"], started, upcoming, came)
                )
                started += 1
            upcoming += 1
    for worker in workers:
        worker.close()
    for _ in workers:
        os.wait()
    return {
        "failed": sum(not ok for ok, _ in results),
        "took": [took for ok, took in results if ok],
        "refusals": sorted(refusals),
        "instances": started,
    }


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
