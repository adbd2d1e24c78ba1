"""What must be true after any storm, looked up by plain SQL: imports nothing of the service, and trusts nothing of it.

Each inquiry of the storm carries the idempotency key it was sent with in `extra.key`, so that a doubled or lost one is
found in the rows themselves. A trigger writes down each taking and giving up of a place by an operator, in the
transaction that does it: numbers are handed out while the operator is locked, so their order is the true one, which
the times of requests are not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg

#: Counted for a request that was sent again and again and never answered.
NEVER_ANSWERED = 0
#: What may be answered to a valid request: 409 while the first one with the same key is under way, 503 with the
#: database away.
ALLOWED_STATUSES = {200, 201, 409, 503}

HISTORY = """
CREATE TABLE torture_history (
    id bigserial PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    operator_id bigint NOT NULL, inquiry_id uuid NOT NULL, change int NOT NULL
);
CREATE FUNCTION torture_remember() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before bigint := CASE WHEN TG_OP = 'UPDATE' AND OLD.resolved_at IS NULL THEN OLD.operator_id END;
    after bigint := CASE WHEN NEW.resolved_at IS NULL THEN NEW.operator_id END;
BEGIN
    IF before IS DISTINCT FROM after THEN
        INSERT INTO torture_history (operator_id, inquiry_id, change)
        SELECT operator_id, NEW.id, change FROM (VALUES (before, -1), (after, 1)) AS v (operator_id, change)
        WHERE operator_id IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER torture_remember AFTER INSERT OR UPDATE ON leads_inquiry
    FOR EACH ROW EXECUTE FUNCTION torture_remember();
"""

#: Each finds one kind of fault and returns a text for each time it is found.
CHECKS = {
    "lost": """
        SELECT key FROM acknowledged
        WHERE NOT EXISTS (SELECT 1 FROM leads_inquiry i WHERE i.id = acknowledged.inquiry_id AND i.extra->>'key' = key)
    """,
    "doubled": """
        SELECT extra->>'key' || ': ' || count(*) || ' inquiries' FROM leads_inquiry
        WHERE extra ? 'key' GROUP BY extra->>'key' HAVING count(*) > 1
    """,
    "two answers": """
        SELECT key || ': ' || count(DISTINCT inquiry_id) || ' ids' FROM acknowledged
        GROUP BY key HAVING count(DISTINCT inquiry_id) > 1
    """,
    "not read": """
        SELECT id::text FROM leads_inquiry i
        WHERE NOT EXISTS (SELECT 1 FROM triage_insight t WHERE t.inquiry_id = i.id)
    """,
    "read twice": """
        SELECT inquiry_id || ': ' || count(*) || ' insights' FROM triage_insight
        GROUP BY inquiry_id HAVING count(*) > 1
    """,
    "over the limit": """
        SELECT name || ' held ' || max(load) || ' of ' || max_load FROM (
            SELECT operator_id, sum(sum(change)) OVER (PARTITION BY operator_id ORDER BY min(id)) AS load
            FROM torture_history GROUP BY operator_id, xid
        ) AS loads JOIN routing_operator o ON o.id = operator_id WHERE load > max_load GROUP BY name, max_load
    """,
    "not in the history": """
        SELECT i.id::text FROM leads_inquiry i LEFT JOIN LATERAL (
            SELECT operator_id FROM leads_assignment a WHERE a.inquiry_id = i.id ORDER BY a.id DESC LIMIT 1
        ) AS latest ON true WHERE i.operator_id IS DISTINCT FROM latest.operator_id
    """,
    "waits beside a free place": """
        SELECT i.id || ' beside ' || min(o.name) FROM leads_inquiry i
        JOIN routing_weight w ON w.source_id = i.source_id AND w.weight > 0
        JOIN routing_operator o ON o.id = w.operator_id AND o.is_active
        JOIN routing_source s ON s.id = i.source_id AND s.is_active
        WHERE i.resolved_at IS NULL AND i.operator_id IS NULL
            AND i.waiting_reason NOT IN ('needs_supervisor', 'held_as_spam')
            AND NOT EXISTS (SELECT 1 FROM leads_assignment a WHERE a.inquiry_id = i.id AND a.operator_id = o.id)
            AND o.max_load > (
                SELECT count(*) FROM leads_inquiry h WHERE h.operator_id = o.id AND h.resolved_at IS NULL
            )
        GROUP BY i.id
    """,
}


@dataclass(frozen=True, slots=True)
class Fault:
    kind: str
    sentence: str


def plant_history(database: psycopg.Connection) -> None:
    """Have the database remember every place taken and given up from now on."""
    database.execute(HISTORY)


def unread_count(database: psycopg.Connection) -> int:
    return database.execute(f"SELECT count(*) FROM ({CHECKS['not read']}) AS unread").fetchone()[0]


def faults(
    database: psycopg.Connection, *, acknowledged: Sequence[tuple[str, str]], statuses: Mapping[int, int]
) -> list[Fault]:
    """Return everything that must not be, after what was acknowledged (keys and inquiry ids) and answered.

    Operators are expected to have no shifts and no leave.
    """
    found = [
        Fault("wrong answer", f"{count} answers had status {status}")
        for status, count in statuses.items()
        if status not in ALLOWED_STATUSES
    ]
    database.execute("CREATE TEMPORARY TABLE acknowledged (key text, inquiry_id uuid)")
    with database.cursor() as cursor:
        cursor.executemany("INSERT INTO acknowledged VALUES (%s, %s)", acknowledged)
    for kind, check in CHECKS.items():
        found += [Fault(kind, sentence) for (sentence,) in database.execute(check)]
    database.execute("DROP TABLE acknowledged")
    return found
