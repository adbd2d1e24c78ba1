"""The OpenAPI document and the intake hold together: what the one allows the other takes, and nothing else."""

import re
from functools import cache

import pytest
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Api, create_key, problem, source_with

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
# No schema can say these of a text.
FORMATS = {
    "email": st.sampled_from(["ann@example.com", "Ann@Example.COM", "a.b+c@sub.example.org"]),
    "phone": st.sampled_from(["+7 999 123-45-67", "8 (999) 123 45 67", "+49 151 23456789"]),
}
SCALARS = {
    "string": TEXT,
    "number": st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "null": st.none(),
}
CONTACTS = ("email", "phone", "external_id")
ALL_EXAMPLES_IN_ONE_DATABASE = [HealthCheck.function_scoped_fixture]


@cache
def properties() -> dict:
    """Return the fields of NewInquiry as documented, with `anyOf` reduced to the form that holds a value."""
    documented = SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"]["NewInquiry"]
    return {
        name: {"nullable": is_nullable(field)} | field | (field.get("anyOf") or [{}])[0]
        for name, field in documented["properties"].items()
    }


def is_nullable(field) -> bool:
    return any("null" in form.get("type", ()) for form in (field, *field.get("anyOf", ())))


def texts(name):
    if name in FORMATS:
        return FORMATS[name]
    field = properties()[name]
    return TEXT.filter(re.compile(field["pattern"][:-1] + r"\Z").search) | st.just("x" * field["maxLength"])


def values(name):
    field = properties()[name]
    if "additionalProperties" in field:
        allowed = st.one_of(SCALARS[kind] for kind in field["additionalProperties"]["type"])
        value = st.dictionaries(TEXT, allowed, max_size=4)
    else:
        value = texts(name) | st.just("")
    return value | st.none() if field["nullable"] else value


def wrong_values(name):
    if "additionalProperties" in properties()[name]:
        nested = [{"a": {}}, {"a": []}, [], ["text"], "text", 5, True]
        return st.sampled_from([*nested, {"a": "x" * 8192}])
    too_long = st.integers(1, 50).map(lambda n: "x" * (properties()[name]["maxLength"] + n))
    return too_long | st.sampled_from([True, False, [], ["text"], {}, {"a": "text"}])


def is_contact(name, body) -> bool:
    return bool(str(body.get(name) or "").strip())


@st.composite
def allowed_bodies(draw):
    names = draw(st.sets(st.sampled_from(sorted(properties()))))
    body = {name: draw(values(name)) for name in sorted(names)}
    if not any(is_contact(name, body) for name in CONTACTS):
        name = draw(st.sampled_from(CONTACTS))
        body[name] = draw(texts(name).filter(str.strip))
    return body


@st.composite
def bodies_with_one_violation(draw):
    """Draw a body, and the name of the field that is wrong with it."""
    body = draw(allowed_bodies())
    unknown = TEXT.filter(lambda name: name not in properties())
    name = draw(unknown | st.sampled_from(sorted(properties())))
    return body | {name: draw(wrong_values(name) if name in properties() else TEXT | st.none())}, name


@pytest.fixture
def api(db):
    return Api(create_key(source_with("shop", operators=[("Anna", 100, 1)], default_region="RU"), name="shop")[1])


def test_document_describes_every_field():
    assert set(properties()) == {*CONTACTS, "name", "message", "extra"}
    assert {name: field["maxLength"] for name, field in properties().items() if "maxLength" in field} == {
        "email": 254,
        "phone": 40,
        "external_id": 200,
        "name": 200,
        "message": 10_000,
    }
    assert all(field["nullable"] for field in properties().values())


@settings(max_examples=120, suppress_health_check=ALL_EXAMPLES_IN_ONE_DATABASE)
@given(body=allowed_bodies())
def test_whatever_the_document_allows_is_taken(api, body):
    response = api.post(body)

    assert response.status_code in (200, 201), response.content
    assert set(response.json()) == set(api.post(body).json())


@settings(max_examples=120, suppress_health_check=ALL_EXAMPLES_IN_ONE_DATABASE)
@given(broken=bodies_with_one_violation())
def test_field_that_violates_the_document_is_named(api, broken):
    body, name = broken

    response = api.post(body)

    assert (response.status_code, problem(response)) == (422, "invalid"), response.content
    assert {error["field"] for error in response.json()["errors"]} == {name}
