"""The local stack as a separate process, and Lambda's API in front of its functions."""

import json
import os
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


class LocalStack:
    """A running local stack."""

    def __init__(self, directory: Path, **parameters: str):
        file, log = directory / "stack.json", directory / "stack.log"
        command = [os.environ["LOCAL_STACK"], "--port", "0", "--ephemeral", "--no-throttling", "--exit-with-stdin"]
        command += ["--data", str(directory / "data"), "--stack-file", str(file)]
        for name, value in parameters.items():
            command += ["--parameter", f"{name}={value}"]
        with log.open("wb") as errors:
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        # It writes the file before it reports that it is ready.
        while not file.exists():
            assert self._process.stdout.readline(), log.read_text()
        self.description = json.loads(file.read_text())
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def bearer(self, subject: str, **fields: str) -> str:
        """An access token of a user, from the issuer of the stack."""
        form = urllib.parse.urlencode({"sub": subject, **fields}).encode()
        return self.send("POST", f"{self.description['issuer']}/token", body=form)["access_token"]

    def invoke(self, function: str, event: bytes) -> tuple[int, bytes]:
        """The status and the body of an invocation."""
        asked = urllib.request.Request(f"{self.description['console']}/_local/functions/{function}/invoke", data=event)
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def states(self) -> dict[str, str]:
        """The state of each identity, by its external id."""
        bearer = self.bearer("root", scope="guestpass.admin", role="guestpass-admin")
        listed = self.send("GET", f"{self.description['gateway']}/v1/identities", bearer)
        return {one["externalId"]: one["state"] for one in listed["identities"]}

    def request_token(self, bearer: str) -> None:
        self.send("POST", f"{self.description['gateway']}/v1/token", bearer)

    def external_id(self, subject: str) -> str:
        return f"{self.description['issuer']}|{subject}"

    def send(self, method: str, url: str, bearer: str | None = None, body: bytes | None = None) -> Any:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        asked = urllib.request.Request(url, data=body, method=method, headers=headers)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.loads(answer.read())

    def stop(self) -> None:
        self._process.stdin.close()
        self._process.wait()


class LambdaApi:
    """Lambda's operation `Invoke`, for the functions of a local stack."""

    def __init__(self, stack: LocalStack, functions: dict[str, str], qualifier: str = "Qualifier=live"):
        # The binaries by the names of the deployed functions, and what to answer in place of one.
        self.answers: dict[str, Any] = {}
        # Why each of these binaries is not run.
        self.throttled: dict[str, str] = {}
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """`/2015-03-31/functions/<name>/invocations?Qualifier=live`."""
                url = urllib.parse.urlsplit(self.path)
                event = self.rfile.read(int(self.headers["content-length"]))
                binary = functions[urllib.parse.unquote(url.path.split("/")[3])]
                assert url.query == qualifier
                if reason := api.throttled.get(binary):
                    return self.refuse({"Reason": reason, "message": "Rate Exceeded."})
                status, body = stack.invoke(binary, event)
                if binary in api.answers:
                    status, body = 200, json.dumps(api.answers[binary]).encode()
                self.send_response(200)
                if status != 200 or "errorMessage" in api.answers.get(binary, {}):
                    self.send_header("x-amz-function-error", "Unhandled")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def refuse(self, why: dict[str, str]) -> None:
                body = json.dumps(why).encode()
                self.send_response(429)
                self.send_header("x-amzn-errortype", "TooManyRequestsException")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
