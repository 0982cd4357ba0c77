"""What `live --watch` carries from look to look; the looks themselves are tried on servers in test_live."""

from collections import deque

from poolcheck.commands._watch_screen import history
from poolcheck.commands._watch_state import GROWTH_SECONDS, KEEP_SECONDS, Watch
from poolcheck.config.settings import Config
from poolcheck.live.dsn import sources
from poolcheck.live.look import Inspection, LookOptions
from poolcheck.model.snapshot import Snapshot
from poolcheck.output.paint import Paint, Style


def watch() -> Watch:
    """A watch that has not looked yet."""
    chosen = sources("postgresql://u@h/d", Config())
    return Watch(Inspection(config=Config(), options=LookOptions(), sources=chosen))


def test_growth_is_judged_against_a_look_half_a_minute_old() -> None:
    """Not against the last one, two seconds ago; and an hour of watching keeps a minute's worth."""
    state = watch()
    for second in range(0, 3600, 2):
        earlier = state._remember(Snapshot(epoch=float(second)))
        if second < GROWTH_SECONDS:
            assert earlier is None
        else:
            assert earlier is not None
            assert GROWTH_SECONDS <= second - earlier.epoch <= 2 * GROWTH_SECONDS
        assert len(state.snapshots) <= 2 * GROWTH_SECONDS / KEEP_SECONDS + 1


def test_history_shows_the_newest_at_the_right() -> None:
    """And the turns without a server."""
    shares: deque[float | None] = deque([0.0, 0.5, 1.0, None])
    assert history(shares, Paint(Style())) == "▁▅█x"
    assert history(shares, Paint(Style(unicode=False))) == "_+@x"
    assert len(history(deque([0.1] * 500), Paint(Style(width=80)))) == 68
