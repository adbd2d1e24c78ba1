"""The views of what was taken in: each translates, calls one service, translates back. The doors are in intake.py."""

import random

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.views import APIView

from leads.models import Inquiry
from leads.services import resolve_inquiry

from . import queries, schema
from .parsing import KIB, JSONOnly, read_object
from .problems import Problem
from .representation import inquiry_payload, lead_as_told, lead_payload
from .serializers import (
    InquiryAnswer,
    InsightAnswer,
    LeadPage,
    Resolution,
)

#: The headers of what is read, and of an insight that may be pending.
READING = [schema.CHALLENGE, schema.retry_after(503, required=True)]
INSIGHT = [schema.CHALLENGE, schema.retry_after(404, 503)]


class View(APIView):
    """A key finds what came through its own source, and nothing else."""

    content_negotiation_class = JSONOnly
    http_method_names = ("get", "head", "post", "patch")
    body_limit = 64 * KIB
    #: The least scope a method needs; `full` where nothing is said.
    scopes: dict[str, str] = {}

    def body(self, request) -> dict:
        """Return the request's JSON object. Raises Problem."""
        return read_object(request, limit=self.body_limit)


class NoSuchPath(View):
    """Every other path under /api/: a problem, with DEBUG too."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request, *args, **kwargs):
        raise NotFound


class OneInquiry(View):
    @extend_schema(
        operation_id="get_inquiry",
        summary="An inquiry",
        parameters=READING,
        responses={200: InquiryAnswer} | schema.problems(401, 403, 404, 503),
    )
    def get(self, request, inquiry_id):
        inquiry = own_inquiry(request, inquiry_id)
        lead = lead_as_told(queries.details_of(inquiry.lead_id, source=inquiry.source))
        return Response(inquiry_payload(inquiry, lead=lead, insight=queries.insight_of(inquiry_id)))

    @extend_schema(
        operation_id="resolve_inquiry",
        summary="Resolve an inquiry",
        parameters=READING,
        request=Resolution,
        responses={200: InquiryAnswer} | schema.problems(400, 401, 403, 404, 413, 415, 422, 503),
    )
    def patch(self, request, inquiry_id):
        own_inquiry(request, inquiry_id)
        Resolution(data=self.body(request)).is_valid(raise_exception=True)
        resolve_inquiry(inquiry_id, now=timezone.now(), rng=random.random)
        return self.get(request, inquiry_id)


class InquiryInsight(View):
    @extend_schema(
        operation_id="get_insight",
        summary="Its insight",
        parameters=INSIGHT,
        responses={200: InsightAnswer} | schema.problems(401, 403, 404, 503),
    )
    def get(self, request, inquiry_id):
        own_inquiry(request, inquiry_id)
        insight = queries.insight_of(inquiry_id)
        if insight is None and queries.reading_was_given_up(inquiry_id):
            raise Problem(404, "insight-pending", "Reading it failed; a supervisor can try again.", retry_after=3600)
        return say_insight(insight)


class OneLead(View):
    @extend_schema(
        operation_id="get_lead",
        summary="A lead",
        parameters=READING,
        responses={200: LeadPage} | schema.problems(401, 403, 404, 503),
    )
    def get(self, request, lead_id):
        source = request.auth.source
        inquiries = queries.inquiries_of_lead(lead_id, source=source)
        if not inquiries:
            raise NotFound
        details = queries.details_of(lead_id, source=source)
        return Response(lead_payload(lead_id, details=details, inquiries=inquiries))


class LeadInsight(View):
    @extend_schema(
        operation_id="get_lead_insight",
        summary="A lead's newest insight",
        parameters=INSIGHT,
        responses={200: InsightAnswer} | schema.problems(401, 403, 404, 503),
    )
    def get(self, request, lead_id):
        source = request.auth.source
        if not queries.inquiries_of(source).filter(lead=lead_id).exists():
            raise NotFound
        return say_insight(queries.insight_of_lead(lead_id, source=source))


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
