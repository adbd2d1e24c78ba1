"""The views: each translates, calls one service, and translates back."""

import random
import re
from functools import partial
from http import HTTPStatus

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotAuthenticated, NotFound, UnsupportedMediaType, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.idempotency import RequestKey, digest_of
from crm.models import ApiKey, Scope
from crm.services import Receipt, receive_inquiry
from leads.models import Inquiry
from leads.services import resolve_inquiry

from . import queries
from .authentication import api_key_of
from .parsing import KIB, JSONOnly, is_json, read_object
from .problems import Problem, answer_exception, as_problem, body_of, malformed
from .representation import inquiry_payload, lead_as_sent
from .serializers import (
    BatchAnswer,
    InquiryAnswer,
    InsightAnswer,
    LeadPage,
    NewInquiry,
    ProblemAnswer,
    Resolution,
    new_inquiry_decoder,
)

MAX_BATCH = 1000
#: Where an inquiry is found, by its id. To reverse the URL takes longer than all the rest of the header.
LOCATION = "/api/v1/inquiries/%s"
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
        require_body(request)
        return body


class NoSuchPath(View):
    """Every other path under /api/: a problem, with DEBUG too."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request, *args, **kwargs):
        raise NotFound


class Inquiries(View):
    """The intake's door. Every key may send, whatever its scope."""

    def dispatch(self, request, *args, **kwargs):
        """Answer a POST without DRF's request, negotiation and response, which take longer than the intake itself."""
        if request.method != "POST":
            return super().dispatch(request, *args, **kwargs)
        try:
            return self.post(request)
        except Exception as error:
            return answer_exception(error)

    @extend_schema(
        operation_id="send_inquiry",
        summary="Send an inquiry",
        parameters=[IDEMPOTENCY_KEY],
        request=NewInquiry,
        responses={201: InquiryAnswer, 200: OpenApiResponse(InquiryAnswer, description="Sent before")} | PROBLEMS,
    )
    def post(self, request):
        api_key = api_key_of(request)
        if api_key is None:
            raise NotAuthenticated
        require_body(request)
        if not is_json(request):
            raise UnsupportedMediaType(request.content_type)
        body = read_object(request, limit=self.body_limit)
        key = request_key(request.headers.get("Idempotency-Key"), body)
        receipt = take_in(body, api_key=api_key, key=key)
        response = HttpResponse(JSONRenderer().render(receipt.answer), content_type="application/json", status=201)
        response["Location"] = LOCATION % receipt.answer["id"]
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
        return Response(inquiry_payload(own_inquiry(request, inquiry_id), insight=queries.insight_of(inquiry_id)))

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


def require_body(request) -> None:
    """Raise Problem for a request without a body."""
    if not request.META.get("CONTENT_LENGTH", "0").strip("0"):
        raise malformed("There is no body.")


def take_in(body: dict, *, api_key: ApiKey, key: RequestKey | None) -> Receipt:
    """Check what was sent and hand it to the intake. Raises ValidationError and what `receive_inquiry` raises."""
    submission = new_inquiry_decoder(api_key.source).run_validation(body)
    # A key that may only send can be read in a web page: it learns of the lead what it has told us, and no more.
    lead_override = lead_as_sent(submission) if api_key.scope == Scope.INTAKE else None
    return receive_inquiry(
        submission,
        source=api_key.source,
        represent=partial(inquiry_payload, lead_override=lead_override),
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


def say_insight(insight) -> Response:
    if insight is None:
        raise Problem(404, "insight-pending", "Ask again in a few seconds.", retry_after=2)
    return Response(InsightAnswer(insight).data)
