"""One look, put together: what was seen, the verdicts on it and the limits it is judged by. Rules and formats read it."""

from poolcheck.config.settings import DEFAULTS, Thresholds
from poolcheck.live.blocking import blocks
from poolcheck.live.leaks import judge
from poolcheck.model.look import Look
from poolcheck.model.snapshot import (
    BouncerSnapshot,
    Snapshot,
)


def put_together(
    snapshot: Snapshot,
    thresholds: Thresholds = DEFAULTS.thresholds,
    *,
    earlier: Snapshot | None = None,
    pooler: BouncerSnapshot | None = None,
    show_queries: bool = False,
    target: str = "",
    instances: int | None = None,
    surge: str = "25%",
) -> Look:
    """The look with its verdicts."""
    pids = pooler.server_pids if pooler else frozenset()
    return Look(
        snapshot=snapshot,
        thresholds=thresholds,
        leaks=judge(snapshot, thresholds, earlier=earlier, pooler_pids=pids),
        blocks=blocks(snapshot),
        earlier=earlier,
        show_queries=show_queries,
        target=target,
        instances=instances,
        surge=surge,
    )
