"""Whatever state the database passes through, the API says 503 with Retry-After, and the next request works.

The states are real: backends are killed, locks are held, servers refuse, and where a state cannot be brought about
here, PostgreSQL itself raises its code.
"""

import json
import socket
import threading
from contextlib import contextmanager, nullcontext

import psycopg
import pytest
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from config.testrun import free_port
from crm.models import IdempotencyKey
from leads.models import Inquiry, Lead
from routing.models import Source
from routing.tests.parallel import in_parallel
from triage import relay
from triage.models import Job

from .conftest import problem
from .test_health import full_disk, read_only

pytestmark = pytest.mark.django_db(transaction=True)

on_postgresql = pytest.mark.postgresql
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has its own tests here")

INQUIRIES = "/api/v1/inquiries"
STATES = {
    "read-only": "25006",
    "idle in transaction": "25P03",
    "serialization": "40001",
    "deadlock": "40P01",
    "disk full": "53100",
    "out of memory": "53200",
    "too many connections": "53300",
    "lock timeout": "55P03",
    "statement timeout": "57014",
    "shut down": "57P01",
    "crashed": "57P02",
    "starting up": "57P03",
    "input/output error": "58030",
}


@pytest.fixture(autouse=True)
def fresh_connection(transactional_db):
    """What a test does to its session, no other test finds."""
    yield
    connection.close()


class AtCall:
    """Do something before the N-th statement, or in its place."""

    def __init__(self, number, act):
        self.number, self.act, self.call_count = number, act, 0

    def __call__(self, execute, sql, params, many, context):
        self.call_count += 1
        if self.call_count == self.number:
            self.act(execute, context)
        return execute(sql, params, many, context)


def at_every_call(request, act):
    """Send a request again and again, with ``act`` one statement later, until it has fewer. Yield the responses."""
    for number in range(1, 100):
        spoiler = AtCall(number, act)
        with connection.execute_wrapper(spoiler):
            response = request(number)
        if spoiler.call_count < number:
            return
        yield response
    raise AssertionError("It never ran through.")


def raise_state(state):
    def act(execute, context):
        sql = f"DO $$ BEGIN RAISE EXCEPTION 'as it happens' USING ERRCODE = '{state}'; END $$"
        execute(sql, None, False, context)

    return act


@contextmanager
def bystander():
    """Another connection to the same database, whose statements are committed."""
    with psycopg.connect(**parameters(), autocommit=True) as other:
        yield other


def parameters():
    settings = connection.settings_dict
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return {name: settings[key] for name, key in names.items() if settings[key]}


def kill(pid):
    """End a backend, and return when it is gone."""
    with bystander() as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def kill_own(execute, context):
    kill(connection.connection.info.backend_pid)


def new_body(number=0):
    return {"external_id": f"lead {number}", "message": f"Message {number}"}


def send(api, number=0):
    return api.post(new_body(number), idempotency_key=f"order-{number}")


def is_unavailable(response):
    return response.status_code == 503 and problem(response) == "unavailable" and int(response["Retry-After"]) > 0


@on_postgresql
def test_intake_is_unavailable_for_every_passing_state_at_every_statement(intake):
    for name, state in STATES.items():
        responses = list(at_every_call(lambda number: send(intake, f"{name} {number}"), raise_state(state)))  # noqa: B023

        assert len(responses) >= 6
        # A lock timeout at the key means that the first request with it has not ended.
        odd = [response.status_code for response in responses if not is_unavailable(response)]
        assert odd == ([409] if name == "lock timeout" else []), name
        assert send(intake, f"after {name}").status_code == 201


@on_postgresql
def test_intake_whose_backend_is_killed_at_any_statement_is_unavailable_and_the_next_one_works(intake):
    responses = []
    for response in at_every_call(lambda number: send(intake, number), kill_own):
        responses.append(response)
        assert send(intake, f"after {len(responses)}").status_code == 201

    assert len(responses) >= 6
    assert all(map(is_unavailable, responses))
    assert Inquiry.objects.count() == len(responses) + 1


@pytest.fixture
def killed_at_commit(monkeypatch):
    """Kills the backend that is about to commit, as often as ``times`` says."""
    commit, left = BaseDatabaseWrapper._commit, []

    def _commit(self):
        if left:
            left.pop()
            kill(self.connection.info.backend_pid)
        commit(self)

    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", _commit)
    return left


@on_postgresql
def test_intake_whose_backend_is_killed_at_the_commit_is_unavailable_and_its_repetition_works(
    intake, killed_at_commit
):
    intake.post({})
    killed_at_commit.append(True)

    first, again, repeated = send(intake), send(intake), send(intake)

    assert is_unavailable(first)
    assert (again.status_code, repeated.status_code) == (201, 200)
    assert Inquiry.objects.count() == 1


@on_postgresql
def test_group_whose_commit_is_killed_is_unavailable_for_all_and_each_thread_works_on(intake, killed_at_commit):
    """Killed again and again, from several threads: who was told 201 is there, and every key is there once."""
    killed_at_commit += [True] * 8

    def send_until_taken(number):
        statuses = []
        while not statuses or statuses[-1] not in (200, 201):
            assert len(statuses) < 50
            statuses.append(send(intake, number).status_code)
        return statuses

    statuses = in_parallel([lambda number=number: send_until_taken(number) for number in range(24)], threads=8)

    assert not killed_at_commit
    assert {status for of_one in statuses for status in of_one} == {201, 503}
    assert Inquiry.objects.count() == IdempotencyKey.objects.count() == Job.objects.count() == 24


@on_postgresql
def test_every_other_request_is_unavailable_too_when_its_backend_is_killed_at_any_statement(full):
    address = send(full)["Location"]

    def read(number):
        return full.get(address)

    def resolve(number):
        return full.patch(address, {"status": "resolved"})

    for request, least in ((read, 2), (resolve, 8)):
        responses = list(at_every_call(request, kill_own))
        assert len(responses) >= least
        assert all(map(is_unavailable, responses))
        assert request(0).status_code == 200


@on_postgresql
def test_batch_whose_backend_is_killed_at_any_statement_says_so_for_each_item(intake):
    def send_batch(number):
        return intake.post({"items": [new_body(f"{number} {n}") for n in range(3)]}, path=f"{INQUIRIES}/batch")

    responses = list(at_every_call(send_batch, kill_own))

    reached = [response for response in responses if response.status_code == 200]
    assert len(reached) >= 3
    assert all(is_unavailable(response) for response in responses if response not in reached)
    assert {result["status"] for response in reached for result in response.json()["results"]} == {503}
    assert {response["Retry-After"] for response in reached} == {"5"}


@on_postgresql
def test_connection_that_became_read_only_at_a_failover_is_thrown_away(intake):
    intake.post({})
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")

    first, second = send(intake), send(intake)

    assert is_unavailable(first)
    assert second.status_code == 201


@on_postgresql
def test_loop_in_the_background_throws_away_a_connection_that_became_read_only(monkeypatch):
    stop, is_writable = threading.Event(), []
    monkeypatch.setattr(relay, "PAUSE_AFTER_ERROR_SECONDS", 0.01)

    def step():
        if not is_writable:
            is_writable.append(False)
            with connection.cursor() as cursor:
                cursor.execute("SET default_transaction_read_only = on")
        stop.set() if len(is_writable) > 1 else is_writable.append(True)
        Lead.objects.update(name="")

    in_parallel([lambda: relay.repeat(step, pause=0, stop=stop, failing="%s", recovered="")])

    assert is_writable == [False, True]


@on_postgresql
def test_read_only_server_is_read_from_and_takes_inquiries_again_when_it_is_writable(full):
    address = send(full)["Location"]
    with read_only():
        read, sent = full.get(address), send(full, 1)

    assert read.status_code == 200
    assert is_unavailable(sent)
    assert send(full, 1).status_code == 201


@on_postgresql
def test_lock_that_is_held_too_long_makes_the_intake_unavailable(intake):
    intake.post({})
    before = connection.connection.info.backend_pid
    for number, timeout in enumerate(("lock_timeout", "statement_timeout")):
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = 0; SET statement_timeout = 0; SET {timeout} = '20ms'")
        with bystander() as other, other.transaction():
            other.execute("SELECT 1 FROM routing_source FOR UPDATE")
            response = send(intake, number)

        assert is_unavailable(response)
        with connection.cursor() as cursor:
            cursor.execute(f"RESET {timeout}")
        assert send(intake, number).status_code == 201
    # It was only busy: to connect anew each time would make it busier.
    assert connection.connection.info.backend_pid == before


@on_postgresql
def test_transaction_that_stood_idle_for_too_long_makes_the_intake_unavailable(intake):
    intake.post({})
    with connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = '5ms'")

    def stand_idle(execute, context):
        pid = connection.connection.info.backend_pid
        with bystander() as other:
            while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone():
                pass

    with connection.execute_wrapper(AtCall(3, stand_idle)):
        response = send(intake)

    assert is_unavailable(response)
    assert send(intake).status_code == 201


@contextmanager
def refusing_server(state):
    """A server that refuses every connection with this code, as PostgreSQL does. Yield its port."""
    fields = [b"SFATAL", b"VFATAL", b"C" + state.encode(), b"Mnot now", b""]
    body = b"\0".join(fields) + b"\0"
    refusal = b"E" + (len(body) + 4).to_bytes(4) + body

    def refuse():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                while len(packet := client.recv(10_000)) == 8:
                    # It asks for encryption first.
                    client.sendall(b"N")
                if packet:
                    client.sendall(refusal)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@on_postgresql
def test_server_that_takes_no_connection_makes_the_intake_unavailable(intake, monkeypatch):
    gone = nullcontext(free_port())
    for number, server in enumerate((refusing_server("53300"), refusing_server("57P03"), gone)):
        connection.close()
        with server as port, monkeypatch.context() as patch:
            patch.setitem(connection.settings_dict, "PORT", port)
            response = send(intake, number)

        assert is_unavailable(response)
        assert send(intake, number).status_code == 201


@on_sqlite
def test_full_disk_makes_the_intake_unavailable_until_there_is_room(intake):
    with full_disk():
        response = send(intake)

    assert is_unavailable(response)
    assert send(intake).status_code == 201


@on_sqlite
def test_database_that_another_process_writes_for_long_makes_the_intake_unavailable(intake):
    intake.post({})
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 1")
    other = connection.copy()
    other.connect()
    other.connection.execute("BEGIN IMMEDIATE")
    response = send(intake)
    other.connection.rollback()
    other.connection.close()

    assert is_unavailable(response)
    assert send(intake).status_code == 201


def test_mistake_of_ours_is_not_taken_for_a_passing_state(intake, caplog):
    def mistake(execute, context):
        execute("SELECT * FROM no_such_table", None, False, context)

    with connection.execute_wrapper(AtCall(3, mistake)):
        response = send(intake)

    assert (response.status_code, problem(response)) == (500, "internal")
    assert "The API broke" in caplog.messages
    assert send(intake).status_code == 201


def test_reference_that_is_missing_at_the_commit_is_not_found(intake, monkeypatch):
    intake.post({})
    source = Source.objects.get(slug="site")
    commit = connection._commit

    def commit_with_a_dangling_row():
        columns = "source_id, name, scope, prefix, key_hash, created_at"
        sql = f"INSERT INTO crm_apikey ({columns}) SELECT %s, name, scope, 'x', key_hash, created_at FROM crm_apikey"
        connection.cursor().execute(sql, [source.pk + 1_000])
        commit()

    with monkeypatch.context() as patch:
        patch.setattr(connection, "_commit", commit_with_a_dangling_row)
        response = send(intake)

    assert (response.status_code, problem(response)) == (404, "not-found")
    assert not Inquiry.objects.exists()
    assert send(intake).status_code == 201


def test_error_says_nothing_of_the_database(intake, monkeypatch):
    def refuse(self):
        raise DatabaseError("password=hunter2")

    with monkeypatch.context() as patch:
        patch.setattr(BaseDatabaseWrapper, "_commit", refuse)
        response = send(intake)

    assert "hunter2" not in json.dumps(response.json())
