"""Whose inquiry it is: one contact, one lead."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from uuid import UUID

from django.db import IntegrityError
from uuid_utils.compat import uuid7

from leads.identity import STRENGTH, Contact, search_text
from leads.models import Identity, Lead, PossibleDuplicate
from store.compiled import Compiled, GivenList
from store.sets import Statement, insert, update

# Leads are locked in the order of their ids, so that crossed contacts cannot deadlock.
OWNERS = Compiled(
    lambda: (
        Identity.objects.filter(value__among=GivenList("values"))
        .order_by("lead_id")
        .values_list("kind", "value", "lead_id", "lead__name", "lead__email", "lead__phone")
    ),
    lock=Lead,
)


@dataclass(slots=True, eq=False)
class RecognisedLead:
    """A lead as the intake knows it, its row locked until the transaction ends."""

    id: UUID
    name: str = ""
    email: str = ""
    phone: str = ""
    #: None for one that was known before.
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def is_new(self) -> bool:
        return self.created_at is not None

    def as_model(self) -> Lead:
        """Return the lead as it will be after this transaction."""
        return Lead(id=self.id, name=self.name, email=self.email, phone=self.phone)

    def fill_in(self, *, now: datetime, **sent: str) -> None:
        """Take what this lead had not told before; what it had is left as it was."""
        for field, value in sent.items():
            if value and not getattr(self, field):
                setattr(self, field, value)
                self.updated_at = now


class Recognition:
    """The leads that some contacts belong to, locked, with what has to be written about them.

    Reads once for any number of messages. Those of one group that share a new contact are one lead.
    """

    def __init__(self, contacts: Iterable[Contact]):
        self._owners: dict[Contact, RecognisedLead] = {}
        self._leads: list[RecognisedLead] = []
        self._identities: list[dict] = []
        self._duplicates: dict[tuple[UUID, UUID], datetime] = {}
        known: dict[UUID, RecognisedLead] = {}
        values = {contact.value for contact in contacts}
        for kind, value, *lead in OWNERS.rows(values=values) if values else ():
            owner = known.setdefault(lead[0], RecognisedLead(*lead))
            self._owners[Contact(kind, value)] = owner
        self._leads += known.values()

    def recognise(self, contacts: Iterable[Contact], *, name: str = "", now: datetime) -> RecognisedLead:
        """Return the lead these contacts belong to, a new one if they are new. It gets what it did not have yet.

        Where they belong to several leads, the strongest contact decides (external id, phone, e-mail) and the pairs
        are put before the supervisor.
        """
        contacts = sorted(contacts, key=lambda c: STRENGTH.index(c.kind))
        owned = [contact for contact in contacts if contact in self._owners]
        owners = [self._owners[contact] for contact in owned]
        lead = owners[0] if owners else self._new_lead(now)
        lead.fill_in(name=name, now=now, **{c.kind: c.value for c in contacts if c.kind in ("email", "phone")})
        for contact in contacts:
            if contact not in owned:
                self._owners[contact] = lead
                identity = {"kind": contact.kind, "value": contact.value, "lead_id": lead.id, "created_at": now}
                self._identities.append(identity)
        for other in owners:
            if other is not lead:
                self._duplicates.setdefault((min(lead.id, other.id), max(lead.id, other.id)), now)
        return lead

    def statements(self) -> list[Statement]:
        """Return what is to be written: new and changed leads, new contacts, possible duplicates."""
        new = [lead for lead in self._leads if lead.is_new]
        changed = [lead for lead in self._leads if lead.updated_at and not lead.is_new]
        # Sorted, so that two transactions with the same new contacts meet at the same one first.
        identities = sorted(self._identities, key=itemgetter("kind", "value"))
        duplicates = sorted(self._duplicates.items())
        return [
            insert(Lead, [self._row(lead) | {"created_at": lead.created_at} for lead in new]),
            update(Lead, [self._row(lead) for lead in changed]),
            insert(Identity, identities),
            insert(
                PossibleDuplicate,
                [{"lead_id": lead, "other_id": other, "created_at": now} for (lead, other), now in duplicates],
                ignore_conflicts=True,
            ),
        ]

    def _new_lead(self, now: datetime) -> RecognisedLead:
        lead = RecognisedLead(uuid7(), created_at=now, updated_at=now)
        self._leads.append(lead)
        return lead

    def _row(self, lead: RecognisedLead) -> dict:
        return {
            "id": lead.id,
            "name": lead.name,
            "email": lead.email,
            "phone": lead.phone,
            "search": search_text(name=lead.name, email=lead.email, phone=lead.phone),
            "updated_at": lead.updated_at,
        }


def is_contact_taken(error: IntegrityError) -> bool:
    """Return whether another transaction gave one of the contacts to a lead of its own first.

    Whoever writes the statements of a `Recognition` starts over then: that lead is there to be found.
    """
    diagnosis = getattr(error.__cause__, "diag", None)
    return diagnosis is not None and diagnosis.constraint_name == "identity_belongs_to_one_lead"
