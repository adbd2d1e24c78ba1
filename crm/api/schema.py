"""The OpenAPI document, where it must say more than drf-spectacular finds out by itself."""

from http import HTTPStatus

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from .problems import CONTENT_TYPE
from .serializers import HEADER_KEY, ProblemAnswer

#: A contact counts when it is more than white space.
CONTACTS = [
    {"required": [name], "properties": {name: {"type": types, "pattern": r"\S"}}}
    for name, types in (("email", ["string"]), ("phone", ["string"]), ("external_id", ["string", "number"]))
]
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": HEADER_KEY},
    OpenApiParameter.HEADER,
    description=(
        "1 to 255 printable ASCII characters. The same key and body get the very same answer for 72 hours. One pair "
        "of surrounding double quotes is not part of it; a key with a comma must have them. Send the header once."
    ),
)


def problems(*statuses: int) -> dict:
    """Return the responses of an operation that may be refused with these."""
    return {
        (status, CONTENT_TYPE): OpenApiResponse(ProblemAnswer, description=HTTPStatus(status).phrase)
        for status in statuses
    }


def answer_header(name: str, *statuses: int, description: str, required: bool = False, **schema) -> OpenApiParameter:
    """Return the description of a header that answers with these statuses have."""
    return OpenApiParameter(
        name,
        schema or {"type": "string"},
        OpenApiParameter.HEADER,
        description=description,
        required=required,
        response=list(statuses),
    )


CHALLENGE = answer_header("WWW-Authenticate", 401, description='`Bearer realm="api"`', required=True)
REPLAYED = answer_header("Idempotent-Replayed", 200, description="The Idempotency-Key came before.", enum=["true"])
DUPLICATE = answer_header("Duplicate-Inquiry", 200, description="The lead sent the same text before.", enum=["true"])


def retry_after(*statuses: int, required: bool = False) -> OpenApiParameter:
    return answer_header(
        "Retry-After", *statuses, description="Seconds.", required=required, type="string", pattern="^[0-9]+$"
    )


class StrictSchema(OpenApiSerializerExtension):
    """What refuses unknown fields says so, and an inquiry needs a contact.

    Fields that have a ``schema`` are described by it: drf-spectacular puts a field that may be blank into a oneOf both
    sides of which allow a blank.
    """

    target_class = "crm.api.serializers.Strict"
    match_subclasses = True

    def map_serializer(self, auto_schema, direction):
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        schema["additionalProperties"] = False
        for name, field in self.target.fields.items():
            if hasattr(field, "schema"):
                description = {"description": field.help_text} if field.help_text else {}
                schema["properties"][name] = field.schema | description
        return schema | ({"anyOf": CONTACTS} if "external_id" in schema["properties"] else {})


def without_trailing_slashes(endpoints):
    """drf-spectacular's hook: the optional trailing slash is left out of the paths, as it is in the contract."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints]


def with_required_bodies(result, generator, request, public):
    """drf-spectacular's hook: no body may be left out, even where each of its fields may."""
    for path in result["paths"].values():
        for operation in path.values():
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
    return result
