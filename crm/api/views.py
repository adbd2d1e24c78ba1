"""The views: each translates, calls one service, and translates back."""

import random
import re
from http import HTTPStatus

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.models import ApiKey, Scope
from crm.services import Receipt, RequestKey, Submission, digest_of, receive_inquiry
from leads.models import Inquiry
from leads.services import resolve_inquiry

from . import queries
from .parsing import KIB, JSONOnly
from .problems import Problem, as_problem, body_of, malformed
from .serializers import (
    BatchAnswer,
    InquiryAnswer,
    InsightAnswer,
    LeadPage,
    NewInquiry,
    ProblemAnswer,
    Resolution,
)

MAX_BATCH = 1000
PROBLEMS = {
    status: OpenApiResponse(ProblemAnswer, description=HTTPStatus(status).phrase)
    for status in (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="1 to 255 printable ASCII characters. The same key and body get the very same answer for 72 hours.",
)


class View(APIView):
    """What all views of the API share."""

    content_negotiation_class = JSONOnly
    http_method_names = ("get", "head", "post", "patch")
    body_limit = 64 * KIB
    #: The least scope a method needs; `full` where nothing is said.
    scopes: dict[str, str] = {}

    def body(self, request) -> dict:
        """The request's JSON object. Raises Problem."""
        body = request.data
        if not request.META.get("CONTENT_LENGTH", "0").strip("0"):
            raise malformed("There is no body.")
        return body


class NoSuchPath(View):
    """Every other path under /api/: a problem, with DEBUG too."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request, *args, **kwargs):
        raise NotFound


class Inquiries(View):
    scopes = {"POST": Scope.INTAKE}

    @extend_schema(
        operation_id="send_inquiry",
        summary="Send an inquiry",
        parameters=[IDEMPOTENCY_KEY],
        request=NewInquiry,
        responses={201: InquiryAnswer, 200: OpenApiResponse(InquiryAnswer, description="Sent before")} | PROBLEMS,
    )
    def post(self, request):
        body = self.body(request)
        key = request_key(request.headers.get("Idempotency-Key"), body)
        receipt = take_in(body, api_key=request.auth, key=key)
        response = Response(receipt.answer, status=201)
        response["Location"] = reverse("inquiry", args=[receipt.answer["id"]])
        if receipt.is_replay or receipt.is_duplicate:
            response.status_code = 200
            response["Idempotent-Replayed" if receipt.is_replay else "Duplicate-Inquiry"] = "true"
        return response


class Batch(View):
    scopes = {"POST": Scope.INTAKE}
    body_limit = 4096 * KIB

    @extend_schema(
        operation_id="send_inquiries",
        summary="Send up to 1,000 inquiries",
        request={
            "application/json": {
                "type": "object",
                "properties": {"items": {"type": "array", "maxItems": MAX_BATCH, "items": {"type": "object"}}},
                "required": ["items"],
            }
        },
        responses={200: BatchAnswer} | PROBLEMS,
    )
    def post(self, request):
        body = self.body(request)
        items = body.get("items")
        if set(body) != {"items"} or not isinstance(items, list) or not 1 <= len(items) <= MAX_BATCH:
            raise ValidationError({"items": f"Give 1 to {MAX_BATCH} inquiries here, and nothing beside."})
        results = [take_in_item(index, item, api_key=request.auth) for index, item in enumerate(items)]
        return Response({"results": results})


class OneInquiry(View):
    @extend_schema(operation_id="get_inquiry", summary="An inquiry", responses={200: InquiryAnswer} | PROBLEMS)
    def get(self, request, inquiry_id):
        return Response(say_inquiry(own_inquiry(request, inquiry_id), insight=queries.insight_of(inquiry_id)))

    @extend_schema(
        operation_id="resolve_inquiry",
        summary="Resolve an inquiry",
        request=Resolution,
        responses={200: InquiryAnswer} | PROBLEMS,
    )
    def patch(self, request, inquiry_id):
        own_inquiry(request, inquiry_id)
        Resolution(data=self.body(request)).is_valid(raise_exception=True)
        resolve_inquiry(inquiry_id, now=timezone.now(), rng=random.random)
        return self.get(request, inquiry_id)


class InquiryInsight(View):
    @extend_schema(operation_id="get_insight", summary="Its insight", responses={200: InsightAnswer} | PROBLEMS)
    def get(self, request, inquiry_id):
        own_inquiry(request, inquiry_id)
        insight = queries.insight_of(inquiry_id)
        if insight is None and queries.reading_was_given_up(inquiry_id):
            raise Problem(404, "insight-pending", "Reading it failed; a supervisor can try again.", retry_after=3600)
        return say_insight(insight)


class OneLead(View):
    @extend_schema(operation_id="get_lead", summary="A lead", responses={200: LeadPage} | PROBLEMS)
    def get(self, request, lead_id):
        page = queries.lead_page(lead_id, source=request.auth.source)
        if page is None:
            raise NotFound
        return Response(LeadPage(page).data)


class LeadInsight(View):
    @extend_schema(
        operation_id="get_lead_insight", summary="A lead's newest insight", responses={200: InsightAnswer} | PROBLEMS
    )
    def get(self, request, lead_id):
        source = request.auth.source
        if not queries.inquiries_of(source).filter(lead=lead_id).exists():
            raise NotFound
        return say_insight(queries.insight_of_lead(lead_id, source=source))


def take_in(body: dict, *, api_key: ApiKey, key: RequestKey | None) -> Receipt:
    """Check what was sent and hand it to the intake. Raises ValidationError and what `receive_inquiry` raises."""
    sent = NewInquiry(data=body, context={"source": api_key.source})
    sent.is_valid(raise_exception=True)
    submission = sent.validated_data
    # A key that may only send can be read in a web page: it learns of the lead what it has told us, and no more.
    told = told_by(submission) if api_key.scope == Scope.INTAKE else None
    return receive_inquiry(
        submission,
        source=api_key.source,
        wording=lambda inquiry: say_inquiry(inquiry, told=told),
        key=key,
        now=timezone.now(),
    )


def take_in_item(index: int, item, *, api_key: ApiKey) -> dict:
    """One item of a batch and what became of it: whatever is wrong with it, the others do not suffer."""
    try:
        if not isinstance(item, dict):
            raise malformed("The item is not a JSON object.")
        body = {name: value for name, value in item.items() if name != "idempotency_key"}
        receipt = take_in(body, api_key=api_key, key=request_key(item.get("idempotency_key"), body))
    except Exception as error:
        problem = as_problem(error)
        return {"index": index, "status": problem.status_code, "problem": body_of(problem)}
    status = 200 if receipt.is_replay or receipt.is_duplicate else 201
    return {"index": index, "status": status, "inquiry": receipt.answer}


def request_key(raw: str | None, body: dict) -> RequestKey | None:
    """The idempotency key a request came with, or None. Raises Problem when it is not one."""
    if raw is None:
        return None
    if not isinstance(raw, str):
        raise malformed("An idempotency key is a text.")
    key = raw[1:-1] if len(raw) > 1 and raw[0] == raw[-1] == '"' else raw
    if not re.fullmatch(r"[\x20-\x7e]{1,255}", key):
        raise malformed("An idempotency key has 1 to 255 printable ASCII characters.")
    return RequestKey(key, digest_of(body))


def own_inquiry(request, inquiry_id) -> Inquiry:
    """An inquiry that came through the key's source. Raises NotFound for any other."""
    inquiry = queries.inquiries_of(request.auth.source).filter(pk=inquiry_id).first()
    if inquiry is None:
        raise NotFound
    return inquiry


def told_by(submission: Submission) -> dict:
    """A lead as far as one submission tells of it."""
    contacts = {contact.kind: contact.value for contact in submission.contacts}
    return {"name": submission.name, "email": contacts.get("email", ""), "phone": contacts.get("phone", "")}


def say_inquiry(inquiry: Inquiry, *, insight=None, told: dict | None = None) -> dict:
    """The inquiry as the API shows it; ``told`` stands for the lead where the lead's own row must not be shown."""
    return dict(InquiryAnswer(inquiry, context={"insight": insight, "told": told}).data)


def say_insight(insight) -> Response:
    if insight is None:
        raise Problem(404, "insight-pending", "Ask again in a few seconds.", retry_after=2)
    return Response(InsightAnswer(insight).data)
