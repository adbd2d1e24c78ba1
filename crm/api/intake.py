"""The intake's doors: a single post and a batch. They check what was sent, hand it to one service, and answer."""

import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import get_language, get_language_from_request, override
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotAuthenticated, ValidationError
from rest_framework.response import Response

from crm.group_commit import MAX_GROUP
from crm.idempotency import RequestKey, digest_of
from crm.models import ApiKey, Scope
from crm.services import Arrival, Receipt, receive_inquiry, receive_together
from store.documents import dumps

from . import schema
from .authentication import api_key_of
from .parsing import KIB, read_object
from .problems import Problem, answer_exception, as_problem, body_of, malformed
from .representation import representation_for
from .serializers import HEADER_KEY, BatchAnswer, InquiryAnswer, NewInquiry, new_inquiry_decoder
from .serializers import Batch as BatchBody
from .views import View

MAX_BATCH = 1000
#: What a batch has not reached by then is to be sent again: no client waits for ever.
BATCH_SECONDS = 20
RETRY_SECONDS = 5
#: Where an inquiry is found, by its id. To reverse the URL takes longer than all the rest of the header.
LOCATION = "/api/v1/inquiries/%s"


class Inquiries(View):
    """A single post. Every key may send, whatever its scope."""

    def dispatch(self, request, *args, **kwargs):
        """Answer a POST without DRF's request, negotiation and response, which take longer than the intake itself."""
        if request.method != "POST":
            return super().dispatch(request, *args, **kwargs)
        # Errors are translated where they are raised. What another request left active in this thread must not count.
        with override(get_language_from_request(request)):
            try:
                return self.post(request)
            except Exception as error:
                return answer_exception(error)

    @extend_schema(
        operation_id="send_inquiry",
        summary="Send an inquiry",
        parameters=[
            schema.IDEMPOTENCY_KEY,
            schema.answer_header("Location", 200, 201, description="The inquiry's path.", required=True),
            schema.REPLAYED,
            schema.DUPLICATE,
            schema.CHALLENGE,
            schema.retry_after(409, 503),
        ],
        request=NewInquiry,
        responses={
            201: OpenApiResponse(InquiryAnswer, description="Taken in"),
            200: OpenApiResponse(InquiryAnswer, description="Sent before"),
        }
        | schema.problems(400, 401, 403, 409, 413, 415, 422, 503),
    )
    def post(self, request):
        api_key = api_key_of(request)
        if api_key is None:
            raise NotAuthenticated
        body = read_object(request, limit=self.body_limit)
        receipt = receive_inquiry(
            new_inquiry_decoder(api_key.source).run_validation(body),
            source=api_key.source,
            represent=representation_for(api_key.scope),
            key=header_key(request, body, api_key=api_key),
            is_public=api_key.is_public,
            now=timezone.now(),
        )
        content = dumps(receipt.answer).encode()
        headers = {"Content-Length": str(len(content)), "Location": LOCATION % receipt.answer["id"]}
        response = HttpResponse(content, content_type="application/json", status=201, headers=headers)
        if receipt.is_replay or receipt.is_duplicate:
            response.status_code = 200
            response["Idempotent-Replayed" if receipt.is_replay else "Duplicate-Inquiry"] = "true"
        return response


class Batch(View):
    """Whatever is wrong with an item, the others are taken in: the answer tells of each. Every key may send."""

    scopes = {"POST": Scope.INTAKE}
    body_limit = 4096 * KIB

    @extend_schema(
        operation_id="send_inquiries",
        summary="Send up to 1,000 inquiries",
        parameters=[schema.CHALLENGE, schema.retry_after(200, 503)],
        request=BatchBody,
        responses={200: OpenApiResponse(BatchAnswer, description="What became of each item")}
        | schema.problems(400, 401, 403, 413, 415, 422, 503),
    )
    def post(self, request):
        body = self.body(request)
        items = body.get("items")
        if set(body) != {"items"} or not isinstance(items, list) or not 1 <= len(items) <= MAX_BATCH:
            raise ValidationError({"items": f"Send 1 to {MAX_BATCH:,} inquiries and no other field."})
        results = receive_items(items, api_key=request.auth, deadline=time.monotonic() + BATCH_SECONDS)
        response = Response({"results": [{"index": index, **result} for index, result in enumerate(results)]})
        if any(result["status"] == 503 for result in results):
            response["Retry-After"] = str(RETRY_SECONDS)
        return response


def receive_items(items: Sequence, *, api_key: ApiKey, deadline: float) -> list[dict]:
    """Take in the items of a batch. Return what became of each: whatever is wrong with one, the others go in.

    In parts of MAX_GROUP, between which single posts get their turn. What the deadline, a moment of `time.monotonic`,
    leaves undone says so.
    """
    parts = [items[start : start + MAX_GROUP] for start in range(0, len(items), MAX_GROUP)]
    results = []
    for decoded in decode_ahead(parts, api_key=api_key):
        if time.monotonic() > deadline:
            break
        if arrivals := [arrival for arrival in decoded if isinstance(arrival, Arrival)]:
            receive_together(arrivals, source=api_key.source)
        results += [item_result(d.outcome if isinstance(d, Arrival) else d) for d in decoded]
    return results + [item_result(not_reached()) for _ in items[len(results) :]]


def decode_ahead(parts: Sequence[Sequence], *, api_key: ApiKey) -> Iterator[list[Arrival | Exception]]:
    """Yield each part decoded. While the database works on one, a thread decodes the next."""
    language = get_language()

    def decode(part: Sequence) -> list[Arrival | Exception]:
        # The language of errors is a thread's own.
        with override(language):
            return [decode_item(item, api_key=api_key) for item in part]

    with ThreadPoolExecutor(1) as ahead:
        yield from ahead.map(decode, parts)


def decode_item(item, *, api_key: ApiKey) -> Arrival | Exception:
    """Return one item of a batch as it arrives, or why it cannot."""
    try:
        if not isinstance(item, dict):
            raise malformed("The item is not a JSON object.")
        body = {name: value for name, value in item.items() if name != "idempotency_key"}
        key = request_key(item.get("idempotency_key"), body, api_key=api_key)
        submission = new_inquiry_decoder(api_key.source).run_validation(body)
        return Arrival(submission, representation_for(api_key.scope), timezone.now(), key, api_key.is_public)
    except Exception as error:
        return error


def item_result(outcome: Receipt | Exception) -> dict:
    """Return what became of one item as `BatchItemAnswer` describes it."""
    if isinstance(outcome, Exception):
        problem = as_problem(outcome)
        return {"status": problem.status_code, "problem": body_of(problem)}
    return {"status": 200 if outcome.is_replay or outcome.is_duplicate else 201, "inquiry": outcome.answer}


def not_reached() -> Problem:
    return Problem(503, "unavailable", "Not reached in time, and not saved. Send it again.", retry_after=RETRY_SECONDS)


def header_key(request, body: dict, *, api_key: ApiKey) -> RequestKey | None:
    """Return the idempotency key in the header of a request, if any. Raises Problem when it is not one.

    Servers hand on two headers as one, joined with a comma: a key that holds one must be in quotes, and whole.
    """
    raw = request.headers.get("Idempotency-Key")
    if raw is not None and "," in raw and not re.fullmatch(HEADER_KEY, raw):
        raise malformed("Send one Idempotency-Key. One that holds a comma must be in double quotes.")
    return request_key(raw, body, api_key=api_key)


def request_key(raw: str | None, body: dict, *, api_key: ApiKey) -> RequestKey | None:
    """Return the idempotency key a request came with, if any. Raises Problem when it is not one."""
    if raw is None:
        return None
    if not isinstance(raw, str):
        raise malformed("An idempotency key must be a string.")
    key = raw[1:-1] if len(raw) > 1 and raw[0] == raw[-1] == '"' else raw
    if not re.fullmatch(r"[\x20-\x7e]{1,255}", key):
        raise malformed("An idempotency key has 1 to 255 printable ASCII characters.")
    return RequestKey(key, api_key.pk, digest_of(body))
