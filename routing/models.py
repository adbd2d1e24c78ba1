"""Who may answer, and how often: operators, their hours, the sources, and the weights between them."""

from zoneinfo import available_timezones

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .choice import ONE, Strategy


def validate_time_zone(name):
    if name not in available_timezones():
        raise ValidationError(_("No such time zone. Example: Europe/Moscow."), code="time_zone")


def validate_region(code):
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValidationError(_("No such region. Two capital letters, for example RU."), code="region")


def default_time_zone():
    return settings.TIME_ZONE


class Operator(models.Model):
    """A person who answers inquiries. Their load is counted from open inquiries, never stored."""

    name = models.CharField(_("name"), max_length=100)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        verbose_name=_("user"),
        help_text=_("The login of this operator, if they have one."),
    )
    is_active = models.BooleanField(
        _("on duty"), default=True, help_text=_("Off: receives nothing, whatever the shifts say.")
    )
    max_load = models.PositiveSmallIntegerField(
        _("limit"),
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("Open inquiries at one time, 1 to 100. Lowered below the present load, they keep what they have."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default=default_time_zone,
        validators=[validate_time_zone],
        help_text=_("Shifts are in this time zone. Example: Europe/Moscow."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("operator")
        verbose_name_plural = _("operators")
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(max_load__range=(1, 100)), name="operator_max_load_1_to_100"),
        ]

    def __str__(self):
        return self.name


class Weekday(models.IntegerChoices):
    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


class Shift(models.Model):
    """One weekly stretch of working hours, in the operator's time zone.

    It ends on the next day when ``ends`` is not after ``starts``: a night shift is one row, as people write it.
    An operator without shifts is always on shift.
    """

    operator = models.ForeignKey(Operator, models.CASCADE, related_name="shifts", verbose_name=_("operator"))
    weekday = models.PositiveSmallIntegerField(_("weekday"), choices=Weekday)
    starts = models.TimeField(_("starts"))
    ends = models.TimeField(_("ends"), help_text=_("Earlier than the start: the shift ends on the next day."))

    class Meta:
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")
        ordering = ["weekday", "starts"]
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="shift_weekday_0_to_6"),
            models.CheckConstraint(
                condition=~Q(starts=F("ends")),
                name="shift_starts_is_not_ends",
                violation_error_message=_("A shift cannot end at the minute it starts."),
            ),
        ]

    def __str__(self):
        return f"{self.get_weekday_display()} {self.starts:%H:%M}–{self.ends:%H:%M}"


class Absence(models.Model):
    """Leave: from and until are moments, not days."""

    operator = models.ForeignKey(Operator, models.CASCADE, related_name="absences", verbose_name=_("operator"))
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")),
                name="absence_starts_before_it_ends",
                violation_error_message=_("An absence must end after it starts."),
            ),
        ]

    def __str__(self):
        return f"{self.starts_at:%Y-%m-%d %H:%M} – {self.ends_at:%Y-%m-%d %H:%M}"


class SourceKind(models.TextChoices):
    SITE = "site", _("Site")
    TELEGRAM = "telegram", "Telegram"
    WHATSAPP = "whatsapp", "WhatsApp"
    EMAIL = "email", _("E-mail")
    PHONE = "phone", _("Phone")
    OTHER = "other", pgettext_lazy("kind of source", "Other")


STRATEGY_LABELS = [
    (Strategy.FAIR, _("Fair shares")),
    (Strategy.WEIGHTED_RANDOM, _("Weighted chance")),
    (Strategy.LEAST_LOADED, _("Least loaded")),
]


class Source(models.Model):
    """Where leads write: a site, a bot, a messenger, a mailbox."""

    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(
        _("short name"), unique=True, help_text=_("Stands in API answers and in commands. Example: site.")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=SourceKind, default=SourceKind.SITE)
    is_active = models.BooleanField(
        _("switched on"), default=True, help_text=_("Off: its keys are refused and its waiting inquiries stay.")
    )
    strategy = models.CharField(
        _("strategy"),
        max_length=20,
        choices=STRATEGY_LABELS,
        default=Strategy.FAIR,
        help_text=_(
            "Fair shares: everyone stays within one inquiry of their exact share. "
            "Weighted chance: drawn by lot, the weight is the chance. "
            "Least loaded: whoever has the most room."
        ),
    )
    is_sticky = models.BooleanField(
        _("returning lead keeps the operator"),
        default=False,
        help_text=_("When that operator can take it; else the strategy chooses."),
    )
    default_region = models.CharField(
        _("phone region"),
        max_length=2,
        default="RU",
        validators=[validate_region],
        help_text=_("How to read a phone number without a country code. Example: RU."),
    )
    dedup_minutes = models.PositiveIntegerField(
        _("duplicate window, minutes"),
        default=10,
        validators=[MaxValueValidator(7 * 24 * 60)],
        help_text=_("The same lead with the same text within this time is the same inquiry. 0 switches it off."),
    )
    response_minutes = models.PositiveIntegerField(
        _("response target, minutes"),
        default=60,
        validators=[MinValueValidator(1), MaxValueValidator(30 * 24 * 60)],
        help_text=_("How soon an inquiry should be answered."),
    )
    accept_minutes = models.PositiveIntegerField(
        _("time to accept, minutes"),
        default=0,
        validators=[MaxValueValidator(7 * 24 * 60)],
        help_text=_(
            "Not accepted within this time, an inquiry is taken back and given to somebody else; "
            "what is held already counts too. 0: no such limit."
        ),
    )
    max_bounces = models.PositiveSmallIntegerField(
        _("times taken back"),
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text=_("Taken back this often, an inquiry waits for a supervisor to decide."),
    )
    holds_spam = models.BooleanField(
        _("hold spam back"),
        default=False,
        help_text=_(
            "What is read as spam waits for a supervisor instead of taking an operator’s time. Nothing is thrown away."
        ),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)
    operators = models.ManyToManyField(Operator, through="Weight", related_name="sources")

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering = ["name", "pk"]

    def __str__(self):
        return self.name


class Weight(models.Model):
    """An operator's share of a source, and the fairness ledger of the pair.

    ``due`` grows with every inquiry of the source that this operator could have taken, by their share of it;
    ``received_count`` by every one they got. The difference is what `fair` keeps under one inquiry.
    """

    # An index of its own would be the beginning of weight_once_per_source_and_operator.
    source = models.ForeignKey(
        Source, models.CASCADE, related_name="weights", db_index=False, verbose_name=_("source")
    )
    operator = models.ForeignKey(Operator, models.CASCADE, related_name="weights", verbose_name=_("operator"))
    weight = models.PositiveIntegerField(
        _("weight"),
        default=1,
        validators=[MaxValueValidator(10_000)],
        help_text=_("The share against the others: 30 beside 10 receives three of four. 0 receives none."),
    )
    due = models.BigIntegerField(_("due"), default=0, editable=False, help_text=_("In billionths of an inquiry."))
    received_count = models.BigIntegerField(_("received"), default=0, editable=False)
    last_received_at = models.DateTimeField(_("last received"), null=True, editable=False)

    class Meta:
        verbose_name = _("weight")
        verbose_name_plural = _("weights")
        ordering = ["source", "operator"]
        constraints = [
            models.UniqueConstraint(fields=["source", "operator"], name="weight_once_per_source_and_operator"),
            models.CheckConstraint(condition=Q(weight__range=(0, 10_000)), name="weight_0_to_10000"),
        ]

    def __str__(self):
        return f"{self.source} → {self.operator}: {self.weight}"

    @property
    def credit(self):
        """How many inquiries this operator is behind (above zero) or ahead of (below) their share."""
        return self.due / ONE - self.received_count
