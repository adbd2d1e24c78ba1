"""Pending work on a text (the job) and what was understood of it (the insight)."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from uuid_utils.compat import uuid7

from leads.models import Inquiry, Priority


class JobKind(models.TextChoices):
    INSIGHT = "insight", _("Read the inquiry")
    ALERT_EMAIL = "alert_email", _("Send the alert by e-mail")
    ALERT_WEBHOOK = "alert_webhook", _("Send the alert by webhook")


class Job(models.Model):
    """Pending work on an inquiry, written in the transaction that caused it. Celery is only woken up to look for it.

    Open until ``done_at`` or ``failed_at``. A worker holds it while ``lease_until`` lies ahead, and may finish it
    only with the ``token`` it was given, so a worker that was thought dead cannot finish it twice.
    """

    kind = models.CharField(_("kind"), max_length=20, choices=JobKind, default=JobKind.INSIGHT)
    # An index of its own would be the beginning of job_once_per_content.
    inquiry = models.ForeignKey(
        Inquiry, models.CASCADE, related_name="jobs", db_index=False, verbose_name=_("inquiry")
    )
    content_hash = models.CharField(_("content"), max_length=64)
    #: A first guess: it is done before others that wait.
    is_urgent = models.BooleanField(_("urgent"), default=False, db_default=False)
    due_at = models.DateTimeField(_("due"), db_default=Now())
    lease_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    token = models.PositiveIntegerField(_("fencing token"), default=0)
    attempt_count = models.PositiveSmallIntegerField(_("attempts"), default=0)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    failed_at = models.DateTimeField(_("failed"), null=True, blank=True)
    failure = models.TextField(_("failure"), blank=True)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["inquiry", "kind", "content_hash"], name="job_once_per_content"),
            models.CheckConstraint(condition=Q(done_at=None) | Q(failed_at=None), name="job_done_or_failed_not_both"),
        ]
        indexes = [
            # For a worker to claim the oldest due jobs of a kind without sorting the backlog.
            models.Index(fields=["kind", "due_at", "id"], condition=Q(done_at=None, failed_at=None), name="job_open"),
            # For a worker to claim the urgent ones first.
            models.Index(
                fields=["kind", "due_at", "id"],
                condition=Q(done_at=None, failed_at=None, is_urgent=True),
                name="job_urgent",
            ),
            # For the desk to show what failed.
            models.Index(fields=["failed_at"], condition=Q(failed_at__isnull=False), name="job_failed"),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} · {self.pk}"


class Intent(models.TextChoices):
    BUY = "buy", pgettext_lazy("intent", "Purchase")
    SUPPORT = "support", pgettext_lazy("intent", "Support")
    COMPLAINT = "complaint", pgettext_lazy("intent", "Complaint")
    INFO = "info", pgettext_lazy("intent", "Question")
    PARTNERSHIP = "partnership", pgettext_lazy("intent", "Partnership")
    JOB = "job", pgettext_lazy("intent", "Job seeker")
    SPAM = "spam", pgettext_lazy("intent", "Spam")
    OTHER = "other", pgettext_lazy("intent", "Other")


class NextAction(models.TextChoices):
    CALL = "call", pgettext_lazy("next action", "Call")
    SCHEDULE_DEMO = "schedule_demo", pgettext_lazy("next action", "Schedule a demo")
    EMAIL = "email", pgettext_lazy("next action", "Write an e-mail")
    QUALIFY = "qualify", pgettext_lazy("next action", "Ask what they need")
    ESCALATE = "escalate", pgettext_lazy("next action", "Escalate")
    NURTURE = "nurture", pgettext_lazy("next action", "Keep in touch")
    IGNORE = "ignore", pgettext_lazy("next action", "Set aside")


class Note(models.TextChoices):
    """How an insight came about, where that is out of the ordinary."""

    REUSED = "reused", _("The same text had been read before, and that reading was taken over.")
    BUDGET = "budget", _("Read offline: the day's requests were used up.")
    PACE = "pace", _("Read offline: it had waited too long for its turn.")
    RESTING = "resting", _("Read offline: the model had failed several times in a row and was left in peace.")
    TIMEOUT = "timeout", _("Read offline: the model did not answer in time.")
    UNREACHABLE = "unreachable", _("Read offline: the model could not be reached.")
    RATE_LIMITED = "rate_limited", _("Read offline: the model's provider asked for fewer requests.")
    SERVER_ERROR = "server_error", _("Read offline: the model's server failed.")
    REFUSED = "refused", _("Read offline: the model's server refused the request. Its key or address may be wrong.")
    GARBLED = "garbled", _("Read offline: the answer of the model's server was broken.")
    NONSENSE = "nonsense", _("Read offline: the model's answer made no sense.")
    EMPTY = "empty", _("Read offline: there was nothing to send.")


class Insight(models.Model):
    """What an analyzer understood of an inquiry."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    job = models.OneToOneField(Job, models.CASCADE, related_name="insight", verbose_name=_("job"))
    inquiry = models.ForeignKey(Inquiry, models.CASCADE, related_name="insights", verbose_name=_("inquiry"))
    intent = models.CharField(_("intent"), max_length=20, choices=Intent)
    priority = models.CharField(_("priority"), max_length=2, choices=Priority)
    next_action = models.CharField(_("next action"), max_length=20, choices=NextAction)
    confidence = models.FloatField(_("confidence"), validators=[MinValueValidator(0), MaxValueValidator(1)])
    tags = models.JSONField(_("tags"), default=list)
    #: [{"text", "start", "end", "for"}]: the words of the message that gave it away.
    evidence = models.JSONField(_("evidence"), default=list)
    analyzer = models.CharField(_("analyzer"), max_length=100)
    version = models.CharField(_("version"), max_length=100)
    #: One of Note, or what a third party's analyzer said in words of its own.
    note = models.CharField(_("note"), max_length=200, choices=Note, blank=True, default="", db_default="")
    content_hash = models.CharField(_("content"), max_length=64)
    corrected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("corrected by"),
    )
    corrected_at = models.DateTimeField(_("corrected"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("insight")
        verbose_name_plural = _("insights")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["inquiry", "content_hash", "analyzer", "version"], name="insight_once_per_content_and_version"
            ),
            models.CheckConstraint(condition=Q(confidence__range=(0, 1)), name="insight_confidence_0_to_1"),
        ]
        indexes = [
            # What the same analyzer made of the same text before.
            models.Index(fields=["content_hash", "analyzer", "version"], name="insight_verdict"),
        ]

    def __str__(self):
        return f"{self.get_intent_display()} · {self.priority}"


class Period(models.TextChoices):
    DAY = "day", pgettext_lazy("period", "Day")
    MINUTE = "minute", pgettext_lazy("period", "Minute")


class Usage(models.Model):
    """How many requests an analyzer made in a day or a minute. What it may make is counted here, for all workers."""

    analyzer = models.CharField(_("analyzer"), max_length=100)
    period = models.CharField(_("period"), max_length=10, choices=Period)
    starts_at = models.DateTimeField(_("from"))
    count = models.PositiveIntegerField(_("requests"), default=0)

    class Meta:
        verbose_name = _("usage")
        verbose_name_plural = _("usage")
        ordering = ["-starts_at", "analyzer"]
        constraints = [
            models.UniqueConstraint(fields=["analyzer", "period", "starts_at"], name="usage_once_per_period"),
        ]

    def __str__(self):
        return f"{self.analyzer} · {self.starts_at:%Y-%m-%d %H:%M} · {self.count}"


class Correction(models.Model):
    """A supervisor's word on a text: what the reader had made of it, and what is right. Only ever added to.

    A reading found right is one too. The newest word on a text counts; the insight itself shows what it says.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    insight = models.ForeignKey(
        Insight, models.CASCADE, null=True, blank=True, related_name="corrections", verbose_name=_("insight")
    )
    #: Only of a correction brought from elsewhere; what was corrected here is read where it was written, and so it is
    #: gone when that is erased.
    text = models.TextField(_("text"), blank=True)
    content_hash = models.CharField(_("content"), max_length=64)
    lang = models.CharField(_("language"), max_length=2, blank=True)
    intent = models.CharField(_("intent"), max_length=20, choices=Intent)
    priority = models.CharField(_("priority"), max_length=2, choices=Priority)
    next_action = models.CharField(_("next action"), max_length=20, choices=NextAction)
    #: What the reader had said, however often it was corrected since; empty where that is not known.
    read_intent = models.CharField(_("intent as read"), max_length=20, choices=Intent, blank=True)
    read_priority = models.CharField(_("priority as read"), max_length=2, choices=Priority, blank=True)
    read_next_action = models.CharField(_("next action as read"), max_length=20, choices=NextAction, blank=True)
    confidence = models.FloatField(_("confidence"), null=True, blank=True)
    analyzer = models.CharField(_("analyzer"), max_length=100, blank=True)
    version = models.CharField(_("version"), max_length=100, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    #: Who it was, also elsewhere and after the user is gone.
    by_name = models.CharField(_("by"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("corrected"))

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(insight__isnull=False, text="") | Q(insight=None) & ~Q(text=""),
                name="correction_has_one_text",
            ),
        ]
        indexes = [
            # The newest word on this very text.
            models.Index(fields=["content_hash", "-created_at"], name="correction_of_content"),
            # The recent ones, for texts that are nearly the same.
            models.Index(fields=["-created_at", "-id"], name="correction_recent"),
        ]

    def __str__(self):
        return f"{self.get_intent_display()} · {self.priority}"

    @property
    def message(self) -> str:
        """The text it is about."""
        return self.insight.inquiry.message if self.insight_id else self.text

    @property
    def was_right(self) -> bool:
        """Whether the reader had said all three as they are right."""
        read = (self.read_intent, self.read_priority, self.read_next_action)
        return read == (self.intent, self.priority, self.next_action)
