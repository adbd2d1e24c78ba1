"""What comes in and what goes out, field by field."""

import json
from datetime import UTC
from functools import cache

from django.utils.translation import get_language
from rest_framework import serializers

from crm.services import Submission
from leads.identity import (
    INVISIBLE,
    MAX_EMAIL,
    email_contact,
    external_contact,
    phone_contact,
    visible_message,
    visible_name,
)
from leads.models import IdentityKind, Status, WaitingReason
from routing.models import Source

from .parsing import KIB
from .problems import TITLES

MAX_EXTRA = 8 * KIB
#: What a signed integer of 64 bits holds.
MAX_NUMBER = 2**63 - 1
#: Patterns of the OpenAPI document, where letters beyond U+FFFF cannot be escaped.
NO_NUL = r"^[^\u0000]*$"
_ESCAPED = "".join(c if c == "-" or c > "\uffff" else f"\\u{ord(c):04x}" for c in INVISIBLE)
VISIBLE = f"^[^{_ESCAPED}]*$"
#: What is always accepted; a domain in another alphabet is, too, where DNS could know it.
EMAIL = (
    r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$"
)
#: How the key of an item of a batch is written: 1 to 255 printable ASCII characters, with or without quotes around.
ITEM_KEY = r'^(?!""$)(?:"[ -~]{1,255}"|[ -~]{1,255})$'
#: The same in a header. Servers join the values of two headers with a comma, so a comma must be within quotes.
HEADER_KEY = r'^(?:"[ !#-~]{1,255}"|(?!""$)(?:"[ -+\--~]{1,255}"|[ -+\--~]{1,255}))$'


class Strict(serializers.Serializer):
    """A serializer that refuses fields it does not know: a misspelt one would be lost unseen."""

    def to_internal_value(self, data):
        unknown = data.keys() - self.fields.keys() if isinstance(data, dict) else ()
        if unknown:
            raise serializers.ValidationError(
                {name: serializers.ErrorDetail("There is no such field.", code="unknown") for name in sorted(unknown)}
            )
        return super().to_internal_value(data)


class ExtraField(serializers.JSONField):
    """A flat JSON object of at most 8 KiB, kept as sent."""

    schema = {
        "type": ["object", "null"],
        "propertyNames": {"pattern": NO_NUL},
        "additionalProperties": {"type": ["string", "number", "boolean", "null"], "pattern": NO_NUL},
        "default": {},
    }
    default_error_messages = {
        "not_flat": "It must be a flat JSON object: names with texts, numbers, true, false or null.",
        "too_large": "It may have 8 KiB.",
    }

    def to_internal_value(self, data):
        if not isinstance(data, dict) or any(isinstance(value, (dict, list)) for value in data.values()):
            self.fail("not_flat")
        if len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()) > MAX_EXTRA:
            self.fail("too_large")
        return data


class TextField(serializers.CharField):
    """An optional text, or a number, which is taken as it is written; null is as good as none.

    What is longer is refused as it was sent, spaces and invisible characters included.
    """

    types = ["string", "number", "null"]
    pattern = NO_NUL

    def __init__(self, max_length: int, **kwargs):
        super().__init__(
            max_length=max_length,
            required=False,
            allow_blank=True,
            allow_null=True,
            default="",
            trim_whitespace=False,
            **kwargs,
        )

    @property
    def schema(self) -> dict:
        """The field in the OpenAPI document; in `schema.py` it is said why not by drf-spectacular."""
        schema = {"type": self.types, "pattern": self.pattern, "maxLength": self.max_length, "default": ""}
        bounds = {"minimum": -MAX_NUMBER, "maximum": MAX_NUMBER} if "number" in self.types else {}
        return schema | bounds

    def to_internal_value(self, data):
        if isinstance(data, int | float) and not abs(data) <= MAX_NUMBER:
            self.fail("invalid")
        return super().to_internal_value(data)


class ExternalIdField(TextField):
    pattern = VISIBLE


class PhoneField(TextField):
    types = ["string", "null"]

    @property
    def schema(self) -> dict:
        return super().schema | {"format": "phone"}


class EmailField(serializers.EmailField):
    """An optional e-mail address."""

    _address = {"type": "string", "format": "email", "pattern": EMAIL, "maxLength": MAX_EMAIL}
    schema = {"anyOf": [_address, {"const": ""}, {"type": "null"}], "default": ""}


class NewInquiry(Strict):
    """An inquiry as a site or a bot sends it, with at least one contact."""

    email = EmailField(
        max_length=MAX_EMAIL,
        required=False,
        allow_blank=True,
        allow_null=True,
        default="",
        help_text="Kept in lower case. A domain in another alphabet is kept in ASCII (xn--…).",
    )
    phone = PhoneField(40, help_text="As people write it; kept as E.164.")
    external_id = ExternalIdField(200, help_text="The client's id in that bot or site.")
    name = TextField(200, help_text="Kept on one line, without invisible characters.")
    message = TextField(10_000, help_text="Kept without invisible characters.")
    extra = ExtraField(
        required=False,
        allow_null=True,
        default=dict,
        help_text="utm tags, page, chat id: a flat object of at most 8 KiB, kept as sent.",
    )

    def __init__(self, *args, source_id: int = 0, region: str = "", **kwargs):
        """``region`` is the source's, to read phone numbers with. For the OpenAPI document neither is needed."""
        super().__init__(*args, **kwargs)
        self._source_id, self._region = source_id, region

    def validate_email(self, raw):
        if not raw:
            return None
        try:
            return email_contact(raw)
        except ValueError as error:
            raise serializers.ValidationError(
                self.fields["email"].error_messages["invalid"], code="invalid"
            ) from error

    def validate_external_id(self, raw):
        if not (raw or "").strip():
            return None
        try:
            return external_contact(raw, source_id=self._source_id)
        except ValueError as error:
            raise serializers.ValidationError("It must have no invisible characters.", code="invalid") from error

    def validate_phone(self, raw):
        if not (raw or "").strip():
            return None
        try:
            return phone_contact(raw, region=self._region)
        except ValueError as error:
            raise serializers.ValidationError(f"This is {error}.", code="invalid") from error

    def validate(self, sent) -> Submission:
        contacts = tuple(filter(None, [sent["phone"], sent["email"], sent["external_id"]]))
        if not contacts:
            raise serializers.ValidationError(
                {"contact": serializers.ErrorDetail("Give an email, a phone or an external_id.", code="required")}
            )
        return Submission(
            contacts=contacts,
            name=visible_name(sent["name"] or ""),
            message=visible_message(sent["message"] or ""),
            extra=sent["extra"] or {},
        )


class ItemKeyField(serializers.CharField):
    schema = {"type": ["string", "null"], "pattern": ITEM_KEY}


class BatchItem(NewInquiry):
    """An inquiry of a batch, for the OpenAPI document."""

    idempotency_key = ItemKeyField(required=False)


class Batch(Strict):
    """The body of a batch, for the OpenAPI document."""

    items = serializers.ListField(child=BatchItem(), min_length=1, max_length=1000)


@cache
def _decoder(source_id: int, region: str, language: str) -> NewInquiry:
    # One for each language: DRF's validators keep their messages as they were first said.
    return NewInquiry(source_id=source_id, region=region)


def new_inquiry_decoder(source: Source) -> NewInquiry:
    """Return the serializer for what comes through a source, built once: `run_validation` keeps nothing of a request.

    To build its fields takes five times as long as to use them.
    """
    return _decoder(source.pk, source.default_region, get_language())


class Resolution(Strict):
    """The only change there is."""

    status = serializers.ChoiceField(choices=[Status.RESOLVED])


class MomentField(serializers.DateTimeField):
    """A moment in UTC, whatever TIME_ZONE the desk is set to."""

    def __init__(self, **kwargs):
        super().__init__(default_timezone=UTC, **kwargs)


#: What an answer to a key that may only send never holds: it depends on what others wrote.
NOT_FOR_INTAKE = "null for a key that may only send"


class OperatorAnswer(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()


class LeadAnswer(serializers.Serializer):
    """A lead as the key's source was told it; for a key that may only send, as this request told it."""

    id = serializers.UUIDField(allow_null=True, help_text=f"The same in every source; {NOT_FOR_INTAKE}.")
    name = serializers.CharField(help_text="Empty if this source was told none.")
    email = serializers.CharField(help_text="Empty if this source was told none.")
    phone = serializers.CharField(help_text="E.164; empty if this source was told none.")


class EvidenceAnswer(serializers.Serializer):
    text = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()

    def get_fields(self):
        # "for" is a word of Python.
        return super().get_fields() | {"for": serializers.CharField()}


class InsightAnswer(serializers.Serializer):
    id = serializers.UUIDField()
    inquiry = serializers.UUIDField(source="inquiry_id")
    lead = serializers.UUIDField(source="inquiry.lead_id")
    intent = serializers.CharField()
    priority = serializers.CharField()
    next_action = serializers.CharField()
    confidence = serializers.FloatField()
    tags = serializers.ListField(child=serializers.CharField())
    evidence = EvidenceAnswer(many=True)
    analyzer = serializers.CharField()
    version = serializers.CharField()
    note = serializers.CharField(
        help_text="How it came about, where that is out of the ordinary: reused, budget, timeout, …"
    )
    created_at = MomentField()


class InquiryAnswer(serializers.Serializer):
    """What `crm.api.representation` returns: the inquiry, or to a key that may only send, a receipt of its request."""

    id = serializers.UUIDField(help_text="The inquiry's; for a key that may only send, this receipt's.")
    status = serializers.ChoiceField(choices=Status.values, allow_null=True, help_text=f"{NOT_FOR_INTAKE}.")
    waiting_reason = serializers.ChoiceField(
        choices=WaitingReason.values, allow_null=True, help_text=f"null unless it waits; {NOT_FOR_INTAKE}."
    )
    source = serializers.CharField(source="source.slug")
    lead = LeadAnswer()
    operator = OperatorAnswer(allow_null=True, help_text=f"null while it waits; {NOT_FOR_INTAKE}.")
    message = serializers.CharField()
    extra = serializers.DictField()
    created_at = MomentField()
    resolved_at = MomentField(allow_null=True)
    insight = InsightAnswer(allow_null=True, help_text=f"null until it was read; {NOT_FOR_INTAKE}.")


class ContactAnswer(serializers.Serializer):
    kind = serializers.ChoiceField(choices=IdentityKind.values)
    value = serializers.CharField()


class LeadPage(LeadAnswer):
    """A lead as the key's source was told it, with the inquiries that came through that source."""

    created_at = MomentField(help_text="When it first wrote through this source.")
    contacts = ContactAnswer(many=True)
    inquiries = InquiryAnswer(many=True)


class FieldError(serializers.Serializer):
    field = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class ProblemAnswer(serializers.Serializer):
    """A refusal as RFC 9457 has it."""

    type = serializers.RegexField(
        rf"^/api/problems/({'|'.join(TITLES)})$", help_text="Stable: clients may branch on it."
    )
    title = serializers.CharField()
    status = serializers.IntegerField(min_value=400, max_value=599)
    detail = serializers.CharField()
    errors = FieldError(many=True, required=False, help_text="The fields that are wrong, of a 422.")


class BatchItemAnswer(serializers.Serializer):
    index = serializers.IntegerField()
    status = serializers.IntegerField()
    inquiry = InquiryAnswer(required=False)
    problem = ProblemAnswer(required=False)


class BatchAnswer(serializers.Serializer):
    results = BatchItemAnswer(many=True)
