"""Whose inquiry it is: one contact, one lead."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter, itemgetter
from uuid import UUID

from django.db import IntegrityError
from uuid_utils.compat import uuid7

from leads.identity import STRENGTH, Contact, main_details, search_text
from leads.models import DetailKind, Identity, Lead, LeadDetail, PossibleDuplicate
from store.compiled import Compiled, Given, GivenList
from store.sets import Statement, insert, update

# Leads are locked in the order of their ids, so that crossed contacts cannot deadlock.
OWNERS = Compiled(
    lambda: (
        Identity.objects.filter(value__among=GivenList("values"))
        .order_by("lead_id")
        .values_list("pk", "kind", "value", "is_confirmed", "lead_id", "lead__name", "lead__email", "lead__phone")
    ),
    lock=Lead,
)

DETAILS = Compiled(
    lambda: (
        LeadDetail.objects.filter(lead__among=GivenList("leads"), source=Given("source"))
        .order_by("pk")
        .values_list("lead_id", "pk", "kind", "value", "is_confirmed")
    )
)


@dataclass(slots=True)
class Detail:
    """A name or contact of a lead as the source was told it."""

    #: None until it is written.
    pk: int | None
    kind: str
    value: str
    is_confirmed: bool
    created_at: datetime | None = None
    is_changed: bool = False


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
    #: What the source was told of this lead, the oldest first, by kind and value.
    details: dict[tuple[str, str], Detail] = field(default_factory=dict)

    @property
    def is_new(self) -> bool:
        return self.created_at is not None

    def as_model(self) -> Lead:
        """Return the lead as it will be after this transaction."""
        return Lead(id=self.id, name=self.name, email=self.email, phone=self.phone)

    def as_told(self) -> dict[str, str]:
        """Return the name, e-mail and phone that the source was told."""
        return main_details((d.kind, d.value, d.is_confirmed) for d in self.details.values())

    def fill_in(self, *, now: datetime, **sent: str) -> None:
        """Take what this lead had not told before; what it had is left as it was."""
        for name, value in sent.items():
            if value and not getattr(self, name):
                setattr(self, name, value)
                self.updated_at = now

    def note(self, kind: str, value: str, *, is_confirmed: bool, now: datetime) -> None:
        """Note that the source told this. A claim that is told again by one to be trusted is confirmed by that."""
        known = self.details.get((kind, value))
        if known is None:
            self.details[kind, value] = Detail(None, kind, value, is_confirmed, now)
        elif is_confirmed and not known.is_confirmed:
            known.is_confirmed, known.is_changed = True, True


@dataclass(slots=True, eq=False)
class _Owned:
    """A contact that belongs to a lead."""

    contact: Contact
    lead: RecognisedLead
    is_confirmed: bool
    #: None until it is written.
    pk: int | None = None
    created_at: datetime | None = None
    is_changed: bool = False


class Recognition:
    """The leads that some contacts belong to, locked, with what has to be written about them.

    Reads once for any number of messages of one source. Those of one group that share a new contact are one lead.
    """

    def __init__(self, contacts: Iterable[Contact], *, source_id: int, is_even: bool = False):
        """Lock the owners of these contacts. ``is_even`` reads as much of strangers as of leads that are known.

        Runs inside the caller's transaction.
        """
        self._source_id = source_id
        self._owned: dict[Contact, _Owned] = {}
        self._leads: dict[UUID, RecognisedLead] = {}
        self._duplicates: dict[tuple[UUID, UUID], datetime] = {}
        values = {contact.value for contact in contacts}
        for pk, kind, value, is_confirmed, *lead in OWNERS.rows(values=values) if values else ():
            owner = self._leads.setdefault(lead[0], RecognisedLead(*lead))
            contact = Contact(kind, value)
            self._owned[contact] = _Owned(contact, owner, is_confirmed, pk)
        if self._leads or is_even:
            for lead_id, *detail in DETAILS.rows(leads=self._leads, source=source_id):
                known = Detail(*detail)
                self._leads[lead_id].details[known.kind, known.value] = known

    def recognise(
        self, contacts: Iterable[Contact], *, name: str = "", now: datetime, is_public: bool = False
    ) -> RecognisedLead:
        """Return the lead these contacts belong to, a new one if they are new. It gets what it did not have yet.

        Where they belong to several leads, a confirmed contact decides before one that is not, then the strongest
        (external id, phone, e-mail), and the pairs are put before the supervisor.

        ``is_public`` says that anybody may have sent it: what it says of a known lead is a claim, and overwrites
        nothing.
        """
        contacts = sorted(contacts, key=lambda c: STRENGTH.index(c.kind))
        owned = [self._owned[contact] for contact in contacts if contact in self._owned]
        owned.sort(key=attrgetter("is_confirmed"), reverse=True)
        lead = owned[0].lead if owned else self._new_lead(now)
        # Who knows only what somebody has claimed has not shown to be that lead.
        is_claim = bool(owned) and (is_public or not owned[0].is_confirmed)
        if not is_claim:
            lead.fill_in(name=name, now=now, **{c.kind: c.value for c in contacts if c.kind in ("email", "phone")})
        self._note_contacts(contacts, lead, is_confirmed=not is_claim, now=now)
        if name:
            lead.note(DetailKind.NAME.value, name, is_confirmed=not is_claim, now=now)
        for other in owned:
            if other.lead is not lead:
                pair = (min(lead.id, other.lead.id), max(lead.id, other.lead.id))
                self._duplicates.setdefault(pair, now)
        return lead

    def statements(self) -> list[Statement]:
        """Return what is to be written: new and changed leads, contacts and details, possible duplicates."""
        new = [lead for lead in self._leads.values() if lead.is_new]
        changed = [lead for lead in self._leads.values() if lead.updated_at and not lead.is_new]
        details = [(lead, detail) for lead in self._leads.values() for detail in lead.details.values()]
        return [
            insert(Lead, [self._row(lead) | {"created_at": lead.created_at} for lead in new]),
            update(Lead, [self._row(lead) for lead in changed]),
            insert(Identity, self._new_identities()),
            _confirm(Identity, self._owned.values()),
            insert(LeadDetail, [self._detail_row(lead, detail) for lead, detail in details if detail.pk is None]),
            _confirm(LeadDetail, [detail for _, detail in details]),
            insert(
                PossibleDuplicate,
                [
                    {"lead_id": lead, "other_id": other, "created_at": now}
                    for (lead, other), now in sorted(self._duplicates.items())
                ],
                ignore_conflicts=True,
            ),
        ]

    def _new_lead(self, now: datetime) -> RecognisedLead:
        lead = RecognisedLead(uuid7(), created_at=now, updated_at=now)
        self._leads[lead.id] = lead
        return lead

    def _note_contacts(
        self, contacts: Iterable[Contact], lead: RecognisedLead, *, is_confirmed: bool, now: datetime
    ) -> None:
        for contact in contacts:
            owned = self._owned.get(contact)
            if owned is None:
                self._owned[contact] = _Owned(contact, lead, is_confirmed, created_at=now)
            elif owned.lead is lead and is_confirmed and not owned.is_confirmed:
                owned.is_confirmed, owned.is_changed = True, True
            lead.note(contact.kind, contact.value, is_confirmed=is_confirmed, now=now)

    def _new_identities(self) -> list[dict]:
        rows = [
            {
                "kind": owned.contact.kind,
                "value": owned.contact.value,
                "lead_id": owned.lead.id,
                "is_confirmed": owned.is_confirmed,
                "created_at": owned.created_at,
            }
            for owned in self._owned.values()
            if owned.pk is None
        ]
        # Sorted, so that two transactions with the same new contacts meet at the same one first.
        return sorted(rows, key=itemgetter("kind", "value"))

    def _detail_row(self, lead: RecognisedLead, detail: Detail) -> dict:
        return {
            "lead_id": lead.id,
            "source_id": self._source_id,
            "kind": detail.kind,
            "value": detail.value,
            "is_confirmed": detail.is_confirmed,
            "created_at": detail.created_at,
        }

    def _row(self, lead: RecognisedLead) -> dict:
        return {
            "id": lead.id,
            "name": lead.name,
            "email": lead.email,
            "phone": lead.phone,
            "search": search_text(name=lead.name, email=lead.email, phone=lead.phone),
            "updated_at": lead.updated_at,
        }


def _confirm(model: type[Identity | LeadDetail], rows: Iterable[_Owned | Detail]) -> Statement:
    return update(model, [{"id": row.pk, "is_confirmed": True} for row in rows if row.is_changed and row.pk])


def is_contact_taken(error: IntegrityError) -> bool:
    """Return whether another transaction gave one of the contacts to a lead of its own first.

    Whoever writes the statements of a `Recognition` starts over then: that lead is there to be found.
    """
    diagnosis = getattr(error.__cause__, "diag", None)
    return diagnosis is not None and diagnosis.constraint_name == "identity_belongs_to_one_lead"
