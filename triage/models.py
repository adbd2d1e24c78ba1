"""What is owed to a text (the job) and what was understood of it (the insight)."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from uuid_utils.compat import uuid7

from leads.models import Inquiry, Priority


class JobKind(models.TextChoices):
    INSIGHT = "insight", _("Read the inquiry")
    ALERT_EMAIL = "alert_email", _("Send the alert by e-mail")
    ALERT_WEBHOOK = "alert_webhook", _("Send the alert by webhook")


class Job(models.Model):
    """Work owed to an inquiry, written in the transaction that caused it. The row is the truth, Celery only a bell.

    Open until ``done_at`` or ``failed_at``. A worker holds it while ``lease_until`` lies ahead, and may finish it
    only with the ``token`` it was given, so a worker that was thought dead cannot finish it twice.
    """

    kind = models.CharField(_("kind"), max_length=20, choices=JobKind, default=JobKind.INSIGHT)
    inquiry = models.ForeignKey(Inquiry, models.CASCADE, related_name="jobs", verbose_name=_("inquiry"))
    content_hash = models.CharField(_("content"), max_length=64)
    due_at = models.DateTimeField(_("due"))
    #: When the relay rings for it next, and how often it has since the job became due.
    ring_at = models.DateTimeField(_("next ring"))
    ring_count = models.PositiveIntegerField(_("rings"), default=0)
    lease_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    token = models.PositiveIntegerField(_("fencing token"), default=0)
    attempt_count = models.PositiveSmallIntegerField(_("attempts"), default=0)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    failed_at = models.DateTimeField(_("given up"), null=True, blank=True)
    failure = models.TextField(_("failure"), blank=True)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "inquiry", "content_hash"], name="job_once_per_content"),
            models.CheckConstraint(condition=Q(done_at=None) | Q(failed_at=None), name="job_done_or_failed_not_both"),
        ]
        indexes = [
            # For the relay to find the jobs to ring for.
            models.Index(fields=["ring_at"], condition=Q(done_at=None, failed_at=None), name="job_open"),
            # For the desk to show what was given up.
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

    def __str__(self):
        return f"{self.get_intent_display()} · {self.priority}"
