"""The gate's rows: every pool full while a deploy runs, against the slots or the pooler's clients. All of it is the map's."""

from collections.abc import Sequence

from poolcheck.capacity.asked import Asked, at_peak
from poolcheck.model.connection_map import Question
from poolcheck.model.verdict import PeakSum
from poolcheck.text import sentence


def peaks(rows: Sequence[Asked], limit: float) -> tuple[PeakSum, ...]:
    """The row of each server and pooler.

    Args:
        rows: of `capacity.asked`.
        limit: share of the capacity that is allowed, above 0 and at most 1.
    """
    return tuple(_peak(row, 1 if row.cap else limit) for row in rows)  # nobody else needs a part of a cap


def _peak(row: Asked, limit: float) -> PeakSum:
    term = row.terms[0] if len(row.terms) == 1 and not row.uncounted else None
    client = term.client if term else None
    count = client.instances.most if client and client.instances else 0
    peak = at_peak(client, client.instances).most if client and client.instances else 0
    reserved = f" - {row.reserved.most} reserved" if row.reserved and row.reserved.most else ""
    unknown = [_unknown(each) for each in row.questions]
    return PeakSum(
        name=row.name, location=row.location, total=row.deploy.most, steady=row.steady.most, against=row.against,
        asked=" + ".join(each.words_at_peak for each in row.terms),
        source=row.terms_places,
        capacity=row.capacity, capacity_words=f"{row.limit_words}{reserved}", limit=limit, verdict=row.verdict,
        least=row.least, certain=row.limit is not None and row.limit.low == row.limit.high, unknown=tuple(unknown), size=term.pool.most if term and term.pool else 0,
        processes=peak * client.processes.most if client else 0, instances=count,
        workers=client.processes.most if client else 0, instances_peak=peak,
    )  # fmt: skip


def _unknown(each: Question) -> str:
    """What is not known of whom, where, and what tells it."""
    where = f" ({each.where})" if each.where else ""
    return f"{each.of}: {each.why or f'the {each.what} is not known'}{where}. {sentence(each.ask)}"
