"""The Lambda Runtime API for one process of a function: it starts the real binary, sends it events,
and receives its answers."""

import json
import queue
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# The timeout for a binary with debug information on a machine that builds another.
PATIENCE = 60


class Failed(Exception):
    """The function answered with an error, or ended."""


class Function:
    """A running function."""

    def __init__(self, binary: Path, environment: dict[str, str], log: Path):
        self._events: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._polled = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        host, port = self._server.server_address[:2]
        self.log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [binary], env={**environment, "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}"}, stdout=out, stderr=out
            )

    def is_started(self) -> bool:
        """Whether it started to wait for events, instead of ending."""
        deadline = time.monotonic() + PATIENCE
        while not self._polled.wait(0.05):
            if self._process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise TimeoutError(f"it neither waits nor ends: {self.said()}")
        return True

    def invoke(self, event: Any) -> Any:
        """Its answer; raises [`Failed`] if that is an error."""
        if not self.is_started():
            raise Failed(self.said())
        self._events.put((f"request-{time.monotonic_ns()}", json.dumps(event).encode()))
        what, body = self._answers.get(timeout=PATIENCE)
        if what != "response":
            raise Failed(body.decode())
        return json.loads(body)

    def said(self) -> str:
        return self.log.read_text()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._server.shutdown()

    def _handler(function) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                """`/invocation/next`: held until there is an event."""
                function._polled.set()
                request, event = function._events.get()
                self.send_response(200)
                self.send_header("lambda-runtime-aws-request-id", request)
                self.send_header("lambda-runtime-deadline-ms", str(int((time.time() + PATIENCE) * 1000)))
                self.send_header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:123456789012:function:f:live")
                self.send_header("content-length", str(len(event)))
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self) -> None:
                """`/invocation/<id>/response` or `/error`, or `/init/error`."""
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                function._answers.put((self.path.rsplit("/", 1)[1], body))
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_) -> None:
                pass

        return Handler
