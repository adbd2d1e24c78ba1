"""What the doors need to remember: who may come in, and which requests were answered already."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from routing.models import Source


class Scope(models.TextChoices):
    INTAKE = "intake", _("May only send inquiries")
    FULL = "full", _("May also read and resolve its source's inquiries")


class ApiKey(models.Model):
    """A source's key to the API. The key itself is shown once; kept is its prefix, to find it by, and its SHA-256."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="api_keys", verbose_name=_("source"))
    name = models.CharField(_("name"), max_length=100, help_text=_("Where it is used. Example: landing page."))
    scope = models.CharField(
        _("scope"),
        max_length=10,
        choices=Scope,
        default=Scope.INTAKE,
        help_text=_("A key that may only send is safe to put into a web page or a bot."),
    )
    prefix = models.CharField(_("prefix"), max_length=12, unique=True, editable=False)
    key_hash = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(scope__in=Scope.values), name="api_key_scope_is_known"),
        ]

    def __str__(self):
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_public(self) -> bool:
        """Whether anybody may hold it: a key that may only send stands in web pages."""
        return self.scope == Scope.INTAKE


class IdempotencyKey(models.Model):
    """A request that was answered, so that its repetition gets the very same answer.

    It belongs to the API key it came with: who holds another key of the source can neither use it up nor ask for it.
    """

    api_key = models.ForeignKey(ApiKey, models.CASCADE, related_name="+", db_index=False, verbose_name=_("API key"))
    key = models.CharField(_("key"), max_length=255)
    #: SHA-256 of the request's canonical JSON: key order and white space do not count.
    digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(_("status"))
    #: The answer's JSON as text: jsonb would change the order of its keys.
    answer = models.TextField(_("answer"))
    expires_at = models.DateTimeField(_("expires"), db_index=True)

    class Meta:
        verbose_name = _("answered request")
        verbose_name_plural = _("answered requests")
        constraints = [
            models.UniqueConstraint(fields=["key", "api_key"], name="idempotency_key_once_per_api_key"),
        ]

    def __str__(self):
        return self.key


class Heartbeat(models.Model):
    """When something that must happen again and again last did, by the database's clock. One row for each name."""

    name = models.CharField(_("name"), max_length=40, primary_key=True)
    beat_at = models.DateTimeField(_("last time"))

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self):
        return self.name
