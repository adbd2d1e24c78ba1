"""A real HTTP server on this machine that speaks the protocol of chat completions, well or badly, as it is told."""

import json
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

GOOD = {
    "intent": "buy",
    "priority": "P0",
    "next_action": "call",
    "confidence": 0.93,
    "tags": ["urgent", "enterprise"],
    "evidence": [{"quote": "urgent pricing", "for": "buy"}, {"quote": "50 seats", "for": "enterprise"}],
}


class ModelServer:
    """Plays its scenes one after another, a scene a request; the last one is played again and again."""

    def __init__(self, *scenes):
        self.play(*scenes or (says(GOOD),))
        #: Every request: its headers in lower case, and its body.
        self.requests: list[tuple[dict, dict]] = []
        self.closing = Event()

    def play(self, *scenes):
        self.scenes = list(scenes)

    def next_scene(self):
        return self.scenes.pop(0) if len(self.scenes) > 1 else self.scenes[0]

    @property
    def bodies(self):
        return [body for _, body in self.requests]

    @property
    def said(self):
        """Everything the server was ever sent, as one string."""
        return json.dumps(self.requests, ensure_ascii=False)


@contextmanager
def serving(*scenes):
    """A server on a free port, with its address as ``url``."""
    model = ModelServer(*scenes)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802 - the library's name.
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            model.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            model.next_scene()(self, model)

        def log_message(self, *args):
            """A test's own output is enough."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, client_address):
            """A client that hangs up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    model.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield model
    finally:
        model.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def completion(content) -> bytes:
    """A chat completion with these words, or with this object as JSON."""
    words = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": words}}]}).encode()


def says(content, **changes):
    """A scene: a good completion. ``changes`` replace fields of an object."""
    return answers(200, completion(content | changes if changes else content))


def answers(status, body=b"", **headers):
    """A scene: this answer, in one piece. Underscores in names of headers become dashes."""

    def scene(handler, model):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return scene


def silent(handler, model):
    """A scene: nothing comes, until the test is over."""
    model.closing.wait(20)


def drips(where):
    """A scene: a byte at a time, which outwits timeouts that begin anew with every byte."""

    def scene(handler, model):
        if where == "body":
            handler.send_response(200)
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
        while not model.closing.wait(0.1):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    return scene


def breaks_off(handler, model):
    """A scene: less comes than was promised."""
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(completion(GOOD)[:40])


def hangs_up(handler, model):
    """A scene: the connection is closed without a word."""
    handler.connection.close()


def floods(handler, model):
    """A scene: more than anybody asked for."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(2000):
        handler.wfile.write(b" " * 65536)


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self):
        self.now, self.slept = 1000.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def passed(since):
    return time.monotonic() - since
