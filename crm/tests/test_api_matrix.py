"""Every field of every answer × every kind of key × whose data it is: a field that no row explains fails.

The fields are those of the OpenAPI document, so one that is added is asked about here before anybody is shown it.
"""

import json

import pytest

from crm.keys import create_key
from crm.models import Scope
from triage.models import Job
from triage.services import read_inquiry

from .conftest import Api, source_with
from .test_api_reading import Reader

#: Whose word a field is. Nothing else may ever be in an answer.
OURS = "what we say of the request: ids, kinds and moments of the asking source's own data"
SENT = "what was sent through the asking source"
ROUTING = "who answers for the asking source's own inquiry"
READ = "what triage understood of the asking source's own text"
EXPLAINED = {
    "inquiry": {
        "id": OURS,
        "status": ROUTING,
        "waiting_reason": ROUTING,
        "source": OURS,
        "lead.id": OURS,
        "lead.name": SENT,
        "lead.email": SENT,
        "lead.phone": SENT,
        "operator.id": ROUTING,
        "operator.name": ROUTING,
        "message": SENT,
        "extra": SENT,
        "created_at": OURS,
        "resolved_at": ROUTING,
    },
    "insight": {
        "id": READ,
        "inquiry": OURS,
        "lead": OURS,
        "intent": READ,
        "priority": READ,
        "next_action": READ,
        "confidence": READ,
        "tags": READ,
        "evidence.text": SENT,
        "evidence.start": READ,
        "evidence.end": READ,
        "evidence.for": READ,
        "analyzer": READ,
        "version": READ,
        "note": READ,
        "created_at": OURS,
    },
    "lead": {
        "id": OURS,
        "name": SENT,
        "email": SENT,
        "phone": SENT,
        "created_at": OURS,
        "contacts.kind": OURS,
        "contacts.value": SENT,
    },
}
INSIGHT = {f"insight.{field}": whose for field, whose in EXPLAINED["insight"].items()}
INQUIRY = EXPLAINED["inquiry"] | INSIGHT
LEAD = EXPLAINED["lead"] | {f"inquiries.{field}": whose for field, whose in INQUIRY.items()}
BATCH = {"results.index": OURS, "results.status": OURS} | {
    f"results.inquiry.{field}": whose for field, whose in INQUIRY.items()
}
#: The answers of each operation, by the name of its path in the document.
ANSWERS = {
    ("post", "/api/v1/inquiries"): INQUIRY,
    ("post", "/api/v1/inquiries/batch"): BATCH,
    ("get", "/api/v1/inquiries/{inquiry_id}"): INQUIRY,
    ("patch", "/api/v1/inquiries/{inquiry_id}"): INQUIRY,
    ("get", "/api/v1/inquiries/{inquiry_id}/insight"): EXPLAINED["insight"],
    ("get", "/api/v1/leads/{lead_id}"): LEAD,
    ("get", "/api/v1/leads/{lead_id}/insight"): EXPLAINED["insight"],
}

SHARED = {"email": "vera@example.com"}
#: What each source is told of the same person; every word of it is nobody's but that source's.
TOLD = {
    "site": SHARED | {"phone": "+79990000001", "name": "SiteName", "message": "SiteText", "external_id": "SiteId"},
    "bot": SHARED | {"phone": "+79990000002", "name": "BotName", "message": "BotText", "external_id": "BotId"},
}
WORDS = {
    "site": ["+79990000001", "SiteName", "SiteText", "SiteExtra", "SiteId", "SiteOperator"],
    "bot": ["+79990000002", "BotName", "BotText", "BotExtra", "BotId", "BotOperator"],
}


@pytest.fixture(scope="module")
def document():
    from drf_spectacular.generators import SchemaGenerator

    return SchemaGenerator().get_schema(request=None, public=True)


def fields_of(schema, document, prefix=""):
    """Return the paths of all fields that an answer of this schema has, as in ``lead.name``."""
    parts = schema.get("allOf", []) + schema.get("oneOf", []) + schema.get("anyOf", [])
    for part in parts:
        yield from fields_of(part, document, prefix)
    if "$ref" in schema:
        yield from fields_of(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document, prefix)
    elif "properties" in schema:
        for name, inner in schema["properties"].items():
            yield from fields_of(inner, document, f"{prefix}.{name}" if prefix else name)
    elif schema.get("type") == "array":
        yield from fields_of(schema["items"], document, prefix)
    elif prefix and not parts and schema.get("type") != "null":
        yield prefix


def answers_of(document):
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    yield (method, path), response["content"]["application/json"]["schema"]


def test_every_field_of_every_answer_is_explained(document):
    found = {operation: set() for operation in ANSWERS}
    for operation, schema in answers_of(document):
        # What an item of a batch is refused for is a problem, as for a single post.
        fields = {field for field in fields_of(schema, document) if not field.startswith("results.problem")}
        found[operation] |= fields

    assert found == {operation: set(fields) for operation, fields in ANSWERS.items()}


def fields_in(answer, prefix=""):
    """Return the paths of all fields in an answer that hold something."""
    if isinstance(answer, dict) and not prefix.endswith("extra"):
        for name, inner in answer.items():
            yield from fields_in(inner, f"{prefix}.{name}" if prefix else name)
    elif isinstance(answer, list) and not prefix.endswith("tags"):
        for inner in answer:
            yield from fields_in(inner, prefix)
    elif answer is not None:
        yield prefix


@pytest.fixture
def company(db):
    """Two sources that were told of the same person, and the keys of each kind, a third source's among them."""
    sources = {
        slug: source_with(slug, operators=[(f"{slug.title()}Operator", 50, 1)]) for slug in ("site", "bot", "third")
    }
    keys = {
        (slug, scope): Api(create_key(source, name=scope, scope=scope)[1])
        for slug, source in sources.items()
        for scope in Scope.values
    }
    told = {
        slug: keys[slug, Scope.FULL].post(body | {"extra": {"page": f"{slug.title()}Extra"}}).json()
        for slug, body in TOLD.items()
    }
    for job_id in Job.objects.values_list("pk", flat=True):
        read_inquiry(job_id, analyzer=Reader())
    return keys, told


def every_answer(api, told):
    """Ask with a key for all there is about what one source was told; yield the operation and the response."""
    inquiry, lead = f"/api/v1/inquiries/{told['id']}", f"/api/v1/leads/{told['lead']['id']}"
    yield ("get", "/api/v1/inquiries/{inquiry_id}"), api.get(inquiry)
    yield ("get", "/api/v1/inquiries/{inquiry_id}/insight"), api.get(f"{inquiry}/insight")
    yield ("get", "/api/v1/leads/{lead_id}"), api.get(lead)
    yield ("get", "/api/v1/leads/{lead_id}/insight"), api.get(f"{lead}/insight")
    yield ("post", "/api/v1/inquiries"), api.post(SHARED | {"message": "SiteText"})
    yield ("post", "/api/v1/inquiries"), api.post(SHARED | {"message": "BotText"}, idempotency_key="order-1")
    yield ("post", "/api/v1/inquiries/batch"), api.post({"items": [SHARED]}, path="/api/v1/inquiries/batch")
    yield ("patch", "/api/v1/inquiries/{inquiry_id}"), api.patch(inquiry, {"status": "resolved"})


@pytest.mark.parametrize("scope", Scope.values)
@pytest.mark.parametrize("asking", ["site", "bot", "third"])
@pytest.mark.parametrize("owner", ["site", "bot"])
def test_no_key_is_told_what_another_source_was_told(company, asking, scope, owner):
    keys, told = company
    sent_here = {"SiteText", "BotText"}
    strange = {word for slug, words in WORDS.items() if slug != asking for word in words} - sent_here
    if scope == Scope.INTAKE:
        strange |= set(WORDS.get(asking, [])) - sent_here

    for operation, response in every_answer(keys[asking, scope], told[owner]):
        text = response.content.decode()
        assert not [word for word in strange if word in text], (operation, text)
        if response.status_code >= 400:
            assert response.status_code == (403 if scope == Scope.INTAKE else 404), (operation, text)
            continue
        answer = json.loads(text)
        assert set(fields_in(answer)) <= set(ANSWERS[operation]), operation
        if scope == Scope.INTAKE:
            shown = {field for field in fields_in(answer) if ANSWERS[operation][field] in (ROUTING, READ)}
            assert not shown, (operation, text)
            assert not [field for field in fields_in(answer) if field.endswith("lead.id")]


@pytest.mark.parametrize("path", ["inquiries/{0}", "inquiries/{0}/insight", "leads/{0}", "leads/{0}/insight"])
@pytest.mark.parametrize("scope", Scope.values)
def test_what_is_nobodys_is_answered_like_what_is_anothers(company, path, scope):
    keys, told = company
    nobody = keys["third", scope].get("/api/v1/" + path.format("01a1f9c9-5572-7351-82e4-cca499073a23"))
    owned = told["site"]["id" if path.startswith("inquiries") else "lead"]
    another = keys["third", scope].get("/api/v1/" + path.format(owned if isinstance(owned, str) else owned["id"]))

    assert nobody.status_code == another.status_code == (403 if scope == Scope.INTAKE else 404)
    assert nobody.content == another.content
