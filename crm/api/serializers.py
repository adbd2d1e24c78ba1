"""What comes in and what goes out, field by field."""

import json
from datetime import UTC
from functools import cache

from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.services import Submission
from leads.identity import email_contact, external_contact, phone_contact
from leads.models import IdentityKind, Status, WaitingReason
from routing.models import Source

from .parsing import KIB

MAX_EXTRA = 8 * KIB


class Strict(serializers.Serializer):
    """A serializer that refuses fields it does not know: a misspelt one would be lost unseen."""

    def to_internal_value(self, data):
        unknown = data.keys() - self.fields.keys() if isinstance(data, dict) else ()
        if unknown:
            raise serializers.ValidationError(
                {name: serializers.ErrorDetail("There is no such field.", code="unknown") for name in sorted(unknown)}
            )
        return super().to_internal_value(data)


@extend_schema_field(
    {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}, "default": {}}
)
class ExtraField(serializers.JSONField):
    """A flat JSON object of at most 8 KiB, kept as sent."""

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


def optional_text(max_length: int, **kwargs) -> serializers.CharField:
    return serializers.CharField(
        max_length=max_length, required=False, allow_blank=True, allow_null=True, default="", **kwargs
    )


class NewInquiry(Strict):
    """What a site or a bot sends. `run_validation` returns a Submission."""

    email = serializers.EmailField(
        max_length=254, required=False, allow_blank=True, allow_null=True, default="", help_text="Any letter case."
    )
    phone = optional_text(40, help_text="As people write it; kept as E.164.")
    external_id = optional_text(200, help_text="The client's id in that bot or site.")
    name = optional_text(200)
    message = optional_text(10_000, trim_whitespace=False)
    extra = ExtraField(
        required=False,
        allow_null=True,
        default=dict,
        help_text="utm tags, page, chat id: a flat object, kept as sent.",
    )

    def __init__(self, *args, source_id: int = 0, region: str = "", **kwargs):
        """``region`` is the source's, to read phone numbers with. For the OpenAPI document neither is needed."""
        super().__init__(*args, **kwargs)
        self._source_id, self._region = source_id, region

    def validate_email(self, raw):
        # A few letters become two when they are lower-cased.
        if raw and len(raw.lower()) > 254:
            raise serializers.ValidationError("It is too long.", code="max_length")
        return raw

    def validate_phone(self, raw):
        if not raw:
            return None
        try:
            return phone_contact(raw, region=self._region)
        except ValueError as error:
            raise serializers.ValidationError(f"This is {error}.", code="invalid") from error

    def validate(self, sent) -> Submission:
        contacts = [sent["phone"]] if sent["phone"] else []
        if sent["email"]:
            contacts.append(email_contact(sent["email"]))
        if sent["external_id"]:
            contacts.append(external_contact(sent["external_id"], source_id=self._source_id))
        if not contacts:
            raise serializers.ValidationError(
                {"contact": serializers.ErrorDetail("Give an email, a phone or an external_id.", code="required")}
            )
        return Submission(
            contacts=tuple(contacts),
            name=sent["name"] or "",
            message=sent["message"] or "",
            extra=sent["extra"] or {},
        )


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


class BatchItemAnswer(serializers.Serializer):
    index = serializers.IntegerField()
    status = serializers.IntegerField()
    inquiry = InquiryAnswer(required=False)
    problem = serializers.DictField(required=False)


class BatchAnswer(serializers.Serializer):
    results = BatchItemAnswer(many=True)


class ProblemAnswer(serializers.Serializer):
    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = serializers.ListField(child=serializers.DictField(), required=False)
