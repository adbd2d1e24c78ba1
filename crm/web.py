"""The web server of `make run`: waitress, which stores little of a request and answers as the API does."""

import copy
import resource
import socket
from http import HTTPStatus

import waitress
from django.conf import settings
from django.core.servers.basehttp import get_internal_wsgi_application
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask

from crm.api.intake import Batch
from crm.api.parsing import KIB
from crm.api.problems import CONTENT_TYPE, Problem, body_of
from crm.api.views import View
from store.documents import dumps

THREADS = 16
MAX_CONNECTIONS = 1_000
#: Files the process has open beside its connections: the database, for each thread, and what Python opens.
SPARE_FILES = 200
MAX_HEADERS = 64 * KIB


def create_server(listener: socket.socket):
    """Return the web server on a bound socket.

    waitress reads a request to its end before a thread takes it up: who sends slowly, or nothing, holds up nobody.
    """
    server = waitress.create_server(
        get_internal_wsgi_application(),
        sockets=[listener],
        threads=THREADS,
        connection_limit=connections_allowed(),
        # select() takes no more than 1,024.
        asyncore_use_poll=True,
        max_request_header_size=MAX_HEADERS,
        ident=None,
    )
    server.channel_class = Channel
    return server


def connections_allowed() -> int:
    """Return how many connections may be open at a time, after raising this process's own limit of open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + SPARE_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MAX_CONNECTIONS
    raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    return max(1, raised - SPARE_FILES)


def body_limit(path: str, *, has_key: bool) -> int:
    """Return how many bytes of a body are stored before the application sees the request.

    Only a batch is long enough to be spooled to a file, so nobody without a key may send that much.
    """
    if not path.startswith("/api/"):
        return settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return Batch.body_limit if has_key and path.rstrip("/").endswith("/batch") else View.body_limit


class Parser(HTTPRequestParser):
    def parse_header(self, header_plus):
        super().parse_header(header_plus)
        self.adj = copy.copy(self.adj)
        # waitress refuses what has as many bytes as this, not only what has more, and counts the frames of the chunks,
        # of which this leaves room for as much again. The application counts what is in them.
        self.adj.max_request_body_size = self.body_limit * (2 if self.chunked else 1) + 1
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Content-Length and Transfer-Encoding exclude each other")
        if self.content_length > self.body_limit:
            # Else the client would be told to send it.
            self.expect_continue = False

    @property
    def body_limit(self) -> int:
        return body_limit(self.path, has_key="AUTHORIZATION" in self.headers)


class Refusal(ErrorTask):
    """A request that waitress itself refuses, as a problem: it may be one of the API."""

    def execute(self):
        problem = self.problem()
        content = dumps(body_of(problem)).encode()
        self.status = f"{problem.status_code} {HTTPStatus(problem.status_code).phrase}"
        self.response_headers += [("Content-Type", CONTENT_TYPE), ("Cache-Control", "no-store")]
        self.set_close_on_finish()
        self.content_length = len(content)
        self.write(content)

    def problem(self) -> Problem:
        error = self.request.error
        match error.code:
            case 413:
                return Problem(413, "too-large", f"The body may have {self.request.body_limit // KIB:,} KiB.")
            case 431:
                return Problem(431, "malformed", f"The headers may have {MAX_HEADERS // KIB} KiB.")
            case 500:
                return Problem(500, "internal", "It may not have been saved.")
            # 501 too, for a transfer coding that is not known: the fault is the client's.
            case _:
                return Problem(400, "malformed", f"{error.body}.")


class Channel(HTTPChannel):
    parser_class = Parser
    error_task_class = Refusal
