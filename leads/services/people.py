"""Whose inquiry it is: one contact, one lead."""

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from operator import or_

from django.db import IntegrityError
from django.db.models import Q

from leads.identity import STRENGTH, Contact, search_text
from leads.models import Identity, Lead, PossibleDuplicate


class ContactTaken(Exception):
    """Somebody else's transaction made a lead of one of these contacts first. Start over: it is there to be found."""


def recognise_lead(contacts: Sequence[Contact], *, name: str = "", now: datetime) -> Lead:
    """The lead these contacts belong to, made if they are new; contacts it did not have yet are added to it.

    Where they belong to several leads, the strongest contact decides (external id, phone, e-mail) and the pair is put
    before the supervisor. The lead's row stays locked until the transaction ends, so that two requests of one person
    follow each other. Runs inside the caller's transaction. Raises ContactTaken.
    """
    contacts = sorted(contacts, key=lambda c: STRENGTH.index(c.kind))
    owners = _owners(contacts)
    known = [owners[c] for c in contacts if c in owners]
    lead = known[0] if known else _new_lead(contacts, name=name, now=now)
    if known:
        _fill_in(lead, contacts, name=name)
    _add_contacts(lead, [c for c in contacts if c not in owners])
    _note_duplicates(lead, known)
    return lead


def _owners(contacts: Sequence[Contact]) -> dict[Contact, Lead]:
    any_of_them = reduce(or_, (Q(kind=c.kind, value=c.value) for c in contacts))
    # Leads are locked in the order of their ids, so that crossed contacts cannot deadlock.
    rows = Identity.objects.filter(any_of_them).select_related("lead").order_by("lead_id")
    rows = rows.select_for_update(of=("lead",), no_key=True)
    return {Contact(row.kind, row.value): row.lead for row in rows}


def _new_lead(contacts: Sequence[Contact], *, name: str, now: datetime) -> Lead:
    lead = Lead(name=name, created_at=now, **_main_contacts(contacts))
    lead.search = search_text(name=lead.name, email=lead.email, phone=lead.phone)
    lead.save(force_insert=True)
    return lead


def _fill_in(lead: Lead, contacts: Sequence[Contact], *, name: str) -> None:
    """What the lead had not told us before; what it had is left as it was."""
    told = {"name": name} | _main_contacts(contacts)
    news = {field: value for field, value in told.items() if value and not getattr(lead, field)}
    if news:
        for field, value in news.items():
            setattr(lead, field, value)
        lead.search = search_text(name=lead.name, email=lead.email, phone=lead.phone)
        lead.save(update_fields=[*news, "search", "updated_at"])


def _main_contacts(contacts: Sequence[Contact]) -> dict[str, str]:
    return {c.kind: c.value for c in contacts if c.kind in ("email", "phone")}


def _add_contacts(lead: Lead, contacts: Sequence[Contact]) -> None:
    # Sorted, so that two transactions with the same contacts meet at the same one first.
    rows = [Identity(lead=lead, kind=c.kind, value=c.value) for c in sorted(contacts, key=lambda c: (c.kind, c.value))]
    try:
        Identity.objects.bulk_create(rows)
    except IntegrityError as error:
        raise ContactTaken from error


def _note_duplicates(lead: Lead, known: Sequence[Lead]) -> None:
    others = {other.pk for other in known} - {lead.pk}
    pairs = [sorted((lead.pk, other)) for other in others]
    if pairs:
        PossibleDuplicate.objects.bulk_create(
            [PossibleDuplicate(lead_id=first, other_id=second) for first, second in pairs], ignore_conflicts=True
        )
