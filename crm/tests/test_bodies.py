"""Bodies are limited before anything of them is stored, and chunked ones are read alike on every server."""

import json
import socket
import threading
from contextlib import contextmanager
from io import BytesIO

import pytest
from django.db import connections

from crm.keys import create_key
from crm.models import Scope
from crm.web import body_limit, create_server
from leads.models import Inquiry

from .conftest import Api, problem, source_with

PATH = "/api/v1/inquiries"
BODY = json.dumps({"external_id": "17", "message": "Do you have a price list?"}).encode()
LIMIT = 65_536


def chunked(body: bytes, size: int = 7) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class Unreadable(BytesIO):
    def read(self, size=-1):
        pytest.fail("The body was read.")


class Counting(BytesIO):
    """A stream that hands out a few bytes at a time, as granian's may."""

    def read(self, size=-1):
        return super().read(min(size, 1000) if size >= 0 else size)


class OfServer:
    """Requests as granian and gunicorn hand them on: a stream that ends where the body ends."""

    def __init__(self, api: Api):
        self.client = api.client

    def post(self, stream, *, path=PATH, length="", coding="chunked", **more):
        environ = {
            "wsgi.input": stream,
            "wsgi.input_terminated": True,
            "CONTENT_LENGTH": length,
            "CONTENT_TYPE": "application/json",
            "HTTP_TRANSFER_ENCODING": coding,
        }
        return self.client.generic("POST", path, **environ | more)


@pytest.fixture
def granian(intake):
    return OfServer(intake)


@pytest.mark.parametrize("path, body", [(PATH, BODY), (PATH + "/batch", b'{"items": [' + BODY + b"]}")])
def test_chunked_body_is_read(granian, path, body):
    assert granian.post(Counting(body), path=path).status_code in (200, 201)
    assert Inquiry.objects.get().message == "Do you have a price list?"


@pytest.mark.parametrize("path, limit", [(PATH, LIMIT), (PATH + "/batch", 4 * 1024 * 1024)])
def test_chunked_body_is_read_to_one_byte_over_the_limit(granian, path, limit):
    stream = BytesIO(b" " * 2 * limit)

    response = granian.post(stream, path=path)

    assert (response.status_code, problem(response)) == (413, "too-large")
    assert stream.tell() == limit + 1


@pytest.mark.parametrize("path, length", [(PATH, LIMIT + 1), (PATH + "/batch", 4 * 1024 * 1024 + 1), (PATH, 10**12)])
def test_body_that_declares_too_great_a_length_is_not_read(granian, path, length):
    response = granian.post(Unreadable(), path=path, length=str(length), coding="")

    assert (response.status_code, problem(response)) == (413, "too-large")


@pytest.mark.parametrize("path", [PATH, PATH + "/batch", f"{PATH}/01a1f9c9-5572-7351-82e4-cca499073a23", "/api/x"])
@pytest.mark.parametrize("header", [{}, {"HTTP_AUTHORIZATION": "Bearer crm_00000000_guess"}])
@pytest.mark.parametrize("length", ["", "9"])
def test_body_of_an_unknown_sender_is_not_read(client, db, path, header, length):
    method = "PATCH" if "01a1" in path else "POST"
    sent = OfServer(Api("")).client.generic(
        method,
        path,
        **{"wsgi.input": Unreadable(), "wsgi.input_terminated": True, "CONTENT_LENGTH": length}
        | {"HTTP_TRANSFER_ENCODING": "" if length else "chunked", "HTTP_AUTHORIZATION": ""}
        | header,
    )

    assert sent.status_code == (404 if path == "/api/x" else 401)


@pytest.mark.parametrize(
    ("stream", "length", "coding"),
    [
        (BytesIO(), "", "chunked"),
        (BytesIO(BODY), "", "gzip, chunked"),
        (BytesIO(BODY), str(len(BODY)), "chunked"),
        (BytesIO(BODY), "", ""),
        (BytesIO(BODY[:-5]), "", "chunked"),
    ],
    ids=["empty", "another coding", "both lengths", "no length", "broken off"],
)
def test_body_without_a_clear_length_is_malformed(granian, stream, length, coding):
    response = granian.post(stream, length=length, coding=coding)

    assert (response.status_code, problem(response)) == (400, "malformed")


def test_body_whose_chunks_the_server_cannot_read_is_malformed(granian):
    class Broken(BytesIO):
        def read(self, size):
            raise RuntimeError("gunicorn and granian raise exceptions of their own")

    response = granian.post(Broken())

    assert (response.status_code, problem(response)) == (400, "malformed")


def test_file_sent_to_the_log_in_page_is_never_written_to_disk(client, db, monkeypatch):
    monkeypatch.setattr("tempfile.NamedTemporaryFile", lambda *args, **kwargs: pytest.fail("A file was made."))
    monkeypatch.setattr("django.core.files.uploadedfile.tempfile.NamedTemporaryFile", pytest.fail)

    response = client.post("/admin/login/", {"username": "a", "file": BytesIO(b"x" * 3_000_000)})

    assert response.status_code == 200


def test_form_too_large_for_the_desk_is_refused(client, db):
    assert client.post("/admin/login/", {"username": "x" * 600_000}).status_code in (400, 413)


@contextmanager
def waitress(monkeypatch):
    """Return a function that sends bytes to waitress, as `make run` starts it, and returns what came back."""
    # Its threads leave no connection behind.
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = create_server(listener)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()

        def send(*parts) -> tuple[int, dict]:
            with socket.create_connection(listener.getsockname()) as client:
                client.settimeout(10)
                for part in parts:
                    client.sendall(part)
                answer = b"".join(iter(lambda: client.recv(65_536), b""))
            head, _, body = answer.partition(b"\r\n\r\n")
            if b"chunked" in head:
                body = body.partition(b"\r\n")[2].rpartition(b"\r\n0\r\n")[0]
            assert b"application/problem+json" in head or int(head.split()[1]) < 300
            return int(head.split()[1]), json.loads(body)

        yield send
        server.task_dispatcher.shutdown()
        # In the loop's own thread, which would sleep on otherwise.
        server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
        thread.join(10)


def head(*lines, path=PATH, key="", version="1.1"):
    lines = [f"POST {path} HTTP/{version}", "Host: 127.0.0.1", "Connection: close", *lines]
    lines += ["Content-Type: application/json"] + [f"Authorization: Bearer {key}"] * bool(key)
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("path", "has_key", "limit"),
    [
        (PATH, True, LIMIT),
        (PATH + "/batch", True, 4 * 1024 * 1024),
        (PATH + "/batch/", False, LIMIT),
        ("/api/nowhere", True, LIMIT),
        ("/admin/login/", False, 512 * 1024),
    ],
)
def test_waitress_stores_of_each_path_what_it_takes(path, has_key, limit):
    assert body_limit(path, has_key=has_key) == limit


def test_waitress_refuses_by_the_declared_length(monkeypatch):
    with waitress(monkeypatch) as send:
        answers = [
            # Nothing of the body is sent.
            send(head(f"Content-Length: {LIMIT + 1}")),
            send(head("Content-Length: 1000000000", path=PATH + "/batch", key="x")),
            send(head(f"Content-Length: {LIMIT + 1}", "Expect: 100-continue")),
            # To the last byte that is read: what came after it would reset the connection.
            send(head("Transfer-Encoding: chunked"), b"%x\r\n" % 10**6, b" " * (2 * LIMIT + 1 - 7)),
        ]

    assert [(status, body["type"]) for status, body in answers] == [(413, "/api/problems/too-large")] * 4


def test_waitress_refuses_what_is_no_request_with_a_problem(monkeypatch):
    with waitress(monkeypatch) as send:
        answers = [
            send(b"\x16\x03\x01 hello\r\n\r\n"),
            send(head("No colon")),
            send(head("Content-Length: -1")),
            send(head("Content-Length: 1", "Content-Length: 2")),
            send(head("Content-Length: 1", "Transfer-Encoding: chunked")),
            send(head("Transfer-Encoding: gzip")),
            send(head("Transfer-Encoding: chunked"), b"zz\r\n"),
            send(head("X-Long: " + "x" * LIMIT)[:LIMIT]),
        ]

    assert [status for status, _ in answers] == [400] * 7 + [431]
    assert {body["type"] for _, body in answers} == {"/api/problems/malformed"}
    assert all(body["status"] == status for status, body in answers)


@pytest.mark.django_db(transaction=True)
def test_waitress_takes_a_chunked_body_like_any_other(monkeypatch):
    key = create_key(source_with("shop"), name="shop", scope=Scope.FULL)[1]

    with waitress(monkeypatch) as send:
        sent_with_length = send(head(f"Content-Length: {len(BODY)}", key=key), BODY)
        sent_in_chunks = send(head("Transfer-Encoding: chunked", key=key), chunked(BODY))

    assert (sent_with_length[0], sent_in_chunks[0]) == (201, 200)
    assert sent_with_length[1] == sent_in_chunks[1]
