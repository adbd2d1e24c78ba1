"""Model fields that Django has no equal of."""

from django.db import models
from psycopg.types.json import Json


class RecordField(models.JSONField):
    """JSON that is written once and read whole: on PostgreSQL of the type ``json``, which keeps the text.

    ``jsonb`` is for looking inside, and is parsed, sorted and packed for that at every insertion. Lookups into the
    document are not supported.
    """

    def db_type(self, connection):
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_value(self, value, connection, prepared=False):
        if connection.vendor == "postgresql" and isinstance(value, dict | list):
            return Json(value)
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value, expression, connection):
        # psycopg has read it already.
        return super().from_db_value(value, expression, connection) if isinstance(value, str) else value
