"""The OpenAPI document is the truth: schemathesis asks the real application and compares."""

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, settings

from leads.tests.factories import InquiryFactory
from triage.analyzers.registry import get_analyzer
from triage.services import read_inquiry
from triage.tests.factories import JobFactory

from .conftest import create_key, source_with

schemathesis = pytest.importorskip("schemathesis")
negative_data_rejection = pytest.importorskip("schemathesis.specs.openapi.checks").negative_data_rejection


contract = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
contract.app = get_wsgi_application()


@pytest.fixture(autouse=True)
def one_connection():
    """The test's connection outlives the requests, as with Django's own client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def shop(db):
    return source_with("shop", operators=[("Anna", 100, 1)], default_region="RU")


@pytest.fixture
def headers(shop):
    key = create_key(shop, name="shop", scope="full")[1]
    return {"Authorization": f"Bearer {key}", "Host": "testserver", "Accept-Encoding": "identity"}


@pytest.fixture
def ids(shop):
    """What stands in the paths, of an inquiry that was read."""
    inquiry = InquiryFactory(source=shop, message="Need urgent pricing for 50 seats ASAP!")
    read_inquiry(JobFactory(inquiry=inquiry).pk, analyzer=get_analyzer())
    return {"inquiry_id": str(inquiry.pk), "lead_id": str(inquiry.lead_id)}


@contract.parametrize()
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
def test_application_does_what_the_document_says(case, headers, ids):
    if case.meta.generation.mode.is_positive:
        make_possible(case, ids)

    # A batch is accepted whatever is wrong with its items, and tells of each.
    unfit = [negative_data_rejection] if case.path.endswith("/batch") else []
    case.call_and_validate(headers=headers, excluded_checks=unfit)


def make_possible(case, ids):
    """Replace what no schema can say: which ids there are, and what a phone number is."""
    case.path_parameters = {name: ids[name] for name in case.path_parameters}
    if isinstance(case.body, dict) and case.body.get("phone"):
        case.body["phone"] = "+7 999 123-45-67"
