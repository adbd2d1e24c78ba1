"""Who asked, what, and who holds it."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from uuid_utils.compat import uuid7

from routing.models import Operator, Source
from store.fields import RecordField


class Lead(models.Model):
    """A person who writes to us, whichever way they write."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=200, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    phone = models.CharField(_("phone"), max_length=16, blank=True)
    #: Name, e-mail and digits of the phone, case-folded: SQLite folds only ASCII when it compares.
    search = models.TextField(editable=False, default="")
    created_at = models.DateTimeField(_("created"))
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("lead")
        verbose_name_plural = _("leads")
        ordering = ["-id"]

    def __str__(self):
        return self.name or self.email or self.phone or _("No name, %(id)s") % {"id": self.id.hex[-6:]}


class IdentityKind(models.TextChoices):
    EXTERNAL = "external", _("Id in the source")
    PHONE = "phone", _("Phone")
    EMAIL = "email", _("E-mail")


class Identity(models.Model):
    """One contact of one lead. ``value`` is normalised (see identity.py), so that one person is found again."""

    lead = models.ForeignKey(Lead, models.CASCADE, related_name="identities", verbose_name=_("lead"))
    kind = models.CharField(_("kind"), max_length=10, choices=IdentityKind)
    value = models.CharField(_("value"), max_length=300)
    #: See LeadDetail.
    is_confirmed = models.BooleanField(_("confirmed"), default=True, db_default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ["kind", "value"]
        constraints = [
            # The value first: by the kind alone PostgreSQL would read every contact there is, and does so while it has
            # no statistics.
            models.UniqueConstraint(fields=["value", "kind"], name="identity_belongs_to_one_lead"),
        ]

    def __str__(self):
        return f"{self.get_kind_display()}: {self.value}"


class DetailKind(models.TextChoices):
    NAME = "name", _("Name")
    EXTERNAL = IdentityKind.EXTERNAL.value, IdentityKind.EXTERNAL.label
    PHONE = IdentityKind.PHONE.value, IdentityKind.PHONE.label
    EMAIL = IdentityKind.EMAIL.value, IdentityKind.EMAIL.label


class LeadDetail(models.Model):
    """A name or contact of a lead, as one source was told it. A source's keys are shown these, and nothing else.

    What a public key says of a lead that is known already is a claim: anybody may have sent it. It is not confirmed,
    and becomes nobody's main name, phone or e-mail by itself.
    """

    # An index of its own would be the beginning of detail_once_per_source.
    lead = models.ForeignKey(Lead, models.CASCADE, related_name="details", db_index=False, verbose_name=_("lead"))
    source = models.ForeignKey(Source, models.PROTECT, related_name="+", db_index=False, verbose_name=_("source"))
    kind = models.CharField(_("kind"), max_length=10, choices=DetailKind)
    value = models.CharField(_("value"), max_length=300)
    is_confirmed = models.BooleanField(_("confirmed"), default=True)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("detail")
        verbose_name_plural = _("details")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["lead", "source", "kind", "value"], name="detail_once_per_source"),
        ]

    def __str__(self):
        return f"{self.get_kind_display()}: {self.value}"

    @property
    def value_as_sent(self) -> str:
        """The value without the source that an id belongs to."""
        return self.value.partition(":")[2] if self.kind == DetailKind.EXTERNAL else self.value


class PossibleDuplicate(models.Model):
    """Two leads whose contacts came in one inquiry: for the supervisor to look at."""

    lead = models.ForeignKey(Lead, models.CASCADE, related_name="possible_duplicates", verbose_name=_("lead"))
    other = models.ForeignKey(Lead, models.CASCADE, related_name="+", verbose_name=_("other lead"))
    created_at = models.DateTimeField(_("seen"), auto_now_add=True)
    dismissed_at = models.DateTimeField(_("dismissed"), null=True, blank=True)

    class Meta:
        verbose_name = _("possible duplicate")
        verbose_name_plural = _("possible duplicates")
        ordering = ["-created_at"]
        constraints = [
            # The smaller id first, so that a pair has one spelling.
            models.CheckConstraint(condition=Q(lead__lt=F("other")), name="duplicate_pair_in_order"),
            models.UniqueConstraint(fields=["lead", "other"], name="duplicate_pair_once"),
        ]

    def __str__(self):
        return f"{self.lead} ≟ {self.other}"


class Status(models.TextChoices):
    WAITING = "waiting", pgettext_lazy("inquiry", "Waiting")
    ASSIGNED = "assigned", pgettext_lazy("inquiry", "Assigned")
    RESOLVED = "resolved", pgettext_lazy("inquiry", "Resolved")


class WaitingReason(models.TextChoices):
    NO_OPERATORS = "no_operators", _("no operator has a weight in this source")
    NOBODY_ON_DUTY = "nobody_on_duty", _("nobody is on duty")
    ALL_FULL = "all_full", _("everyone on duty is full")
    ALL_PASSED_ON = "all_passed_on", _("everyone who could take it let it pass")
    NEEDS_SUPERVISOR = "needs_supervisor", _("taken back too often, a supervisor must decide")
    HELD_AS_SPAM = "held_as_spam", _("read as spam and held back, a supervisor can give it out")


#: Whoever is free: these wait until a supervisor decides.
ON_HOLD = (WaitingReason.NEEDS_SUPERVISOR, WaitingReason.HELD_AS_SPAM)


class Priority(models.TextChoices):
    P0 = "P0", _("P0 · now")
    P1 = "P1", _("P1 · today")
    P2 = "P2", _("P2 · next working day")
    P3 = "P3", _("P3 · no hurry")


class InquiryQuerySet(models.QuerySet):
    def open(self):
        """Those that count against a limit or wait for an operator."""
        return self.filter(resolved_at=None)

    def waiting(self):
        """Those that no operator holds, the next to be given out first."""
        return self.filter(resolved_at=None, operator=None).order_by("priority", "created_at", "id")

    def assignable(self):
        """Of those that wait, the ones a free operator is given without a supervisor."""
        return self.filter(source__is_active=True).exclude(waiting_reason__in=ON_HOLD)

    def unaccepted(self):
        """Those whose operator has neither accepted nor resolved them."""
        return self.filter(resolved_at=None, operator__isnull=False, accepted_at=None)


class Inquiry(models.Model):
    """One thing a lead wrote, and who holds it now."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # An index of its own would be the beginning of inquiry_same_content.
    lead = models.ForeignKey(Lead, models.CASCADE, related_name="inquiries", db_index=False, verbose_name=_("lead"))
    source = models.ForeignKey(Source, models.PROTECT, related_name="inquiries", verbose_name=_("source"))
    operator = models.ForeignKey(
        Operator,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="inquiries",
        db_index=False,
        verbose_name=_("operator"),
    )
    message = models.TextField(_("message"), blank=True)
    extra = models.JSONField(_("extra fields"), default=dict, blank=True)
    content_hash = models.CharField(max_length=64, editable=False)
    #: Computed by the database from the two facts that decide it, so it can disagree with neither.
    status = models.GeneratedField(
        expression=Case(
            When(resolved_at__isnull=False, then=Value(Status.RESOLVED.value)),
            When(operator__isnull=False, then=Value(Status.ASSIGNED.value)),
            default=Value(Status.WAITING.value),
        ),
        output_field=models.CharField(_("status"), max_length=10, choices=Status),
        db_persist=True,
    )
    waiting_reason = models.CharField(_("why it waits"), max_length=20, choices=WaitingReason, blank=True)
    priority = models.CharField(_("priority"), max_length=2, choices=Priority, default=Priority.P2)
    repeat_count = models.PositiveIntegerField(_("repeats"), default=0)
    created_at = models.DateTimeField(_("created"))
    assigned_at = models.DateTimeField(_("assigned"), null=True, blank=True)
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)
    #: Empty when it was resolved through the API: a key is no person.
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("resolved by"),
    )
    #: How often it was taken back because it was not accepted in time.
    bounce_count = models.PositiveSmallIntegerField(_("times taken back"), default=0)

    objects = InquiryQuerySet.as_manager()

    class Meta:
        verbose_name = _("inquiry")
        verbose_name_plural = _("inquiries")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(resolved_at=None, operator=None) ^ Q(waiting_reason=""),
                name="inquiry_waits_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(operator=None) | Q(assigned_at__isnull=False), name="inquiry_assigned_at_a_time"
            ),
        ]
        indexes = [
            # An operator's load is counted here, bounded by limits and not by history.
            models.Index(fields=["operator", "resolved_at"], name="inquiry_by_operator"),
            # The next one to give out, per source.
            models.Index(
                fields=["source", "priority", "created_at", "id"],
                condition=Q(resolved_at=None, operator=None),
                name="inquiry_waiting",
            ),
            # The same text from the same lead through the same source, lately.
            models.Index(fields=["lead", "source", "content_hash", "created_at"], name="inquiry_same_content"),
            # For users who are deleted. Partial, because the intake would enter a NULL each time.
            models.Index(fields=["resolved_by"], condition=Q(resolved_by__isnull=False), name="inquiry_resolved_by"),
        ]

    def __str__(self):
        return f"{self.lead} · {localtime(self.created_at):%Y-%m-%d %H:%M}"

    @property
    def accept_by(self) -> datetime | None:
        """Until when its operator is to accept it, or it is taken back; None where no such time runs."""
        minutes = self.source.accept_minutes
        if not minutes or not self.operator_id or self.accepted_at or self.resolved_at:
            return None
        return self.assigned_at + timedelta(minutes=minutes)


class AssignmentReason(models.TextChoices):
    FAIR = "fair", _("their turn by share")
    RANDOM = "random", _("drawn by weight")
    LEAST_LOADED = "least_loaded", _("least loaded")
    STICKY = "sticky", _("the lead's last operator")
    MANUAL = "manual", _("given by hand")
    NO_OPERATORS = WaitingReason.NO_OPERATORS.value, WaitingReason.NO_OPERATORS.label
    NOBODY_ON_DUTY = WaitingReason.NOBODY_ON_DUTY.value, WaitingReason.NOBODY_ON_DUTY.label
    ALL_FULL = WaitingReason.ALL_FULL.value, WaitingReason.ALL_FULL.label
    ALL_PASSED_ON = WaitingReason.ALL_PASSED_ON.value, WaitingReason.ALL_PASSED_ON.label
    NEEDS_SUPERVISOR = WaitingReason.NEEDS_SUPERVISOR.value, WaitingReason.NEEDS_SUPERVISOR.label
    HELD_AS_SPAM = WaitingReason.HELD_AS_SPAM.value, WaitingReason.HELD_AS_SPAM.label


class Trigger(models.TextChoices):
    """What made the choice necessary."""

    INTAKE = "intake", _("it arrived")
    READING = "reading", _("it was read")
    SLOT_FREED = "slot_freed", _("a slot was freed")
    SUPERVISOR = "supervisor", _("a supervisor asked")
    REOPENED = "reopened", _("it was reopened")
    NOT_ACCEPTED = "not_accepted", _("it was not accepted in time")
    OPERATOR_LEFT = "operator_left", _("its operator left")
    SWEEP = "sweep", _("the regular sweep")


class Assignment(models.Model):
    """Who was given an inquiry and why, or why nobody was. Only ever added to."""

    inquiry = models.ForeignKey(Inquiry, models.CASCADE, related_name="assignments", verbose_name=_("inquiry"))
    operator = models.ForeignKey(
        Operator, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("operator")
    )
    reason = models.CharField(_("reason"), max_length=20, choices=AssignmentReason)
    trigger = models.CharField(_("because"), max_length=20, choices=Trigger)
    assigned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("by"),
    )
    note = models.CharField(_("note"), max_length=300, blank=True)
    #: See routing.choice.Decision.as_record: enough to replay the choice.
    decision = RecordField(_("decision"), default=dict)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        ordering = ["-id"]
        indexes = [
            # For users who are deleted; see inquiry_resolved_by.
            models.Index(
                fields=["assigned_by"], condition=Q(assigned_by__isnull=False), name="assignment_assigned_by"
            ),
        ]

    def __str__(self):
        return f"{self.operator or '—'}: {self.get_reason_display()}"
