"""What a change of operators or weights needs around it: the locks before, the returned inquiries after."""

from collections.abc import Collection
from datetime import datetime

from leads.models import Inquiry, Trigger

from .assigning import Assigner, Rng, excluded_operators
from .pool import Pool, sources_touched_by


def lock_operators(operator_ids: Collection[int], *, source_ids: Collection[int] = (), now: datetime) -> None:
    """Take the locks that a change of these operators, or of these sources' weights, needs before it is written.

    Call it first in the transaction, then write, then `assign_waiting`: the other way round two of them may wait for
    each other.
    """
    Pool({*source_ids, *sources_touched_by(operator_ids)}, also=operator_ids, now=now)


def return_inquiries(operator_id: int, *, by, now: datetime, rng: Rng) -> int:
    """Take back all open inquiries of an operator who goes: to others who can take them, else to the queue.

    Call it after the operator was made ineligible (switched off, about to be deleted), in the same transaction and
    after `lock_operators`. Gives how many were taken back.
    """
    assigner = Assigner(Pool(sources_touched_by([operator_id]), also=[operator_id], now=now), rng=rng)
    held = Inquiry.objects.open().filter(operator=operator_id)
    inquiries = held.order_by("priority", "created_at", "id")
    for inquiry in inquiries:
        excluded = excluded_operators(inquiry) | {operator_id}
        decision = assigner.decide(inquiry.source_id, excluded=excluded)
        assigner.place(inquiry, decision, trigger=Trigger.OPERATOR_LEFT, by=by)
    assigner.write()
    return len(inquiries)
