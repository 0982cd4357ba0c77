"""What the rules about sums share: the sentence of a sum, and the pool that fits."""

from poolcheck.capacity.pool_size import recommend
from poolcheck.model.fleet import Fleet, Member
from poolcheck.model.sizing import Inputs


def asked(fleet: Fleet) -> str:
    """The sum in words: "the project asks for web 10 x 4 x 5 = 200 + jobs 2 x 5 = 10: 210 connections"."""
    products = " + ".join(member.words for member in fleet.members)
    least = "at least " if any(member.least for member in fleet.members) else ""
    if len(fleet.members) > 1:
        return f"the project asks for {products}: {least}{fleet.steady} connections"
    (only,) = fleet.members
    if "=" in products:
        return f"the project asks for {least}{products} connections"
    return f"{only.name} asks for {least}{fleet.steady} connections"


def places(fleet: Fleet) -> str:
    """Where each number stands."""
    return (
        " ".join(f"{member.name}: {', '.join(member.places)}." for member in fleet.members)
        + f" Limit: {fleet.limit}."
    )


def fitting(fleet: Fleet) -> tuple[Member, int, int]:
    """The member that takes most and is no pooler, the pool that the model gives it beside the others, and the most."""
    own = [member for member in fleet.members if not member.pooler] or list(fleet.members)
    largest = max(own, key=lambda each: each.deploy)
    others = fleet.deploy - largest.deploy
    if fleet.limit.number - fleet.reserved - others < 1:
        return largest, 0, 0
    made = recommend(
        Inputs(
            max_connections=fleet.limit.number,
            instances=largest.instances.number,
            reserved=fleet.reserved,
            others=others,
            buffer=min(fleet.buffer, max(0, fleet.limit.number - fleet.reserved - others - 1)),
            workers=largest.workers.number,
            surge=str(largest.surge),
        )
    )
    return largest, made.pool_size if made.max_deploy else 0, made.max_deploy
