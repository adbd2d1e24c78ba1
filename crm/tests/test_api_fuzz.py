"""P11 in short: whatever is posted, the answer is JSON and never a 5xx."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Api, create_key, source_with

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.sampled_from(["\x00", "\ud800", "a@b.co", "+79991234567", "'; drop table", "١٢٣٤٥٦٧", "\u202eevil", "é" * 300]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
)
FIELDS = [
    "email",
    "phone",
    "external_id",
    "name",
    "message",
    "extra",
    "items",
    "idempotency_key",
    "status",
    "nonsense",
]
BODIES = st.one_of(ANYTHING, st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=6))
# All examples of a test write into one database, as all requests of a day do.
SAME_DATABASE = [HealthCheck.function_scoped_fixture]


@pytest.fixture
def api(db):
    return Api(create_key(source_with("fuzz", operators=[("Anna", 100, 1)]), name="fuzz", scope="full")[1])


def answers_well(response):
    assert response.status_code < 500, response.content
    assert response["Content-Type"] in ("application/json", "application/problem+json")
    json.loads(response.content)


@settings(max_examples=120, suppress_health_check=SAME_DATABASE)
@given(body=BODIES)
def test_any_json_gets_an_answer(api, body):
    answers_well(api.post(json.dumps(body).encode()))
    answers_well(api.post(json.dumps({"items": [body, body]}).encode(), path="/api/v1/inquiries/batch"))


@settings(max_examples=80, suppress_health_check=SAME_DATABASE)
@given(body=st.binary(max_size=200), key=st.text(st.characters(max_codepoint=255), max_size=10))
def test_any_bytes_and_any_key_get_an_answer(api, body, key):
    answers_well(api.post(body, idempotency_key=key))


@settings(max_examples=60, suppress_health_check=SAME_DATABASE)
@given(path=st.text(max_size=30), method=st.sampled_from(["get", "post", "patch", "put", "delete", "head"]))
def test_any_path_and_method_get_an_answer(api, path, method):
    response = getattr(api.client, method)("/api/v1/" + path.lstrip("/").replace("\x00", ""))

    assert response.status_code < 500
    if method != "head":
        answers_well(response)
