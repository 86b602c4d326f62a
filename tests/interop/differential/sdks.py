"""The signing code of the SDKs and of our client, with a way to send: `SDKS` creates one by its
name."""

import asyncio
import http.client
import json
import os
import subprocess
import time
from dataclasses import asdict, dataclass
from email.utils import formatdate
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

from azure.communication.identity._shared.auth_policy_utils import get_authentication_policy
from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline import AsyncPipeline, Pipeline
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import AioHttpTransport, HttpRequest, RequestsTransport
from yarl import URL

SIGNING_CLOCK = "azure.communication.identity._shared.policy.get_current_utc_time"


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    body: str
    key: str
    # The offset of the signer's clock in seconds.
    skew: int = 0


@dataclass(frozen=True)
class Sent:
    """A request as it was sent, and its answer."""

    target: str
    headers: dict
    status: int
    text: str


class Watch(SansIOHTTPPolicy):
    """As the last policy of a pipeline, it sees the output of the signing policy."""

    def on_request(self, request):
        self.headers = dict(request.http_request.headers)


def prepare(request):
    headers = {"Content-Type": "application/json"}
    http_request = HttpRequest(request.method, request.url, headers, data=request.body or None)
    host = urlsplit(request.url)
    policy = get_authentication_policy(f"{host.scheme}://{host.netloc}", AzureKeyCredential(request.key))
    date = formatdate(time.time() + request.skew, usegmt=True)
    return http_request, policy, host, patch(SIGNING_CLOCK, lambda: date)


def target(url):
    return url.path + (f"?{url.query}" if url.query else "")


class PythonSdk:
    def __init__(self):
        self._transport = RequestsTransport()

    def send(self, request):
        http_request, policy, url, clock = prepare(request)
        watch = Watch()
        with clock:
            answer = Pipeline(self._transport, [policy, watch]).run(http_request).http_response
        headers = {"Host": url.netloc, **watch.headers}
        return Sent(target(url), headers, answer.status_code, answer.text())

    def close(self):
        self._transport.close()


class AsyncPythonSdk:
    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._transport = None

    def send(self, request):
        return self._loop.run_until_complete(self._send(request))

    async def _send(self, request):
        self._transport = self._transport or AioHttpTransport()
        http_request, policy, url, clock = prepare(request)
        watch = Watch()
        with clock:
            pipeline = AsyncPipeline(self._transport, [policy, watch])
            answer = (await pipeline.run(http_request)).http_response
        await answer.load_body()
        headers = {"Host": url.netloc, **watch.headers}
        # This client decodes unnecessary escapes, and the policy signs the result.
        return Sent(str(URL(target(url))), headers, answer.status_code, answer.text())

    def close(self):
        self._loop.run_until_complete(self._transport.close())
        self._loop.close()


class JavaScriptSdk:
    def __init__(self):
        script = Path(__file__).with_name("sign_and_send.mjs")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._node = subprocess.Popen(["node", script], text=True, encoding="utf-8", bufsize=1, **pipes)

    def send(self, request):
        self._node.stdin.write(json.dumps({**asdict(request), "send": True}) + "\n")
        line = self._node.stdout.readline()
        assert line, "the JavaScript side has ended"
        return Sent(**json.loads(line))

    def close(self):
        self._node.stdin.close()
        self._node.wait(timeout=10)
        self._node.stdout.close()


class RustClient:
    """Our own client: it signs, and requests are sent with the path unchanged."""

    def __init__(self):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._signer = subprocess.Popen([os.environ["RUST_SIGNER"]], text=True, encoding="utf-8", bufsize=1, **pipes)

    def send(self, request):
        url = urlsplit(request.url)
        date = formatdate(time.time() + request.skew, usegmt=True)
        unsigned = {"method": request.method, "target": target(url), "host": url.netloc, "date": date}
        unsigned |= {"body": request.body, "key": request.key}
        self._signer.stdin.write(json.dumps(unsigned) + "\n")
        headers = {"host": url.netloc, "x-ms-date": date, **json.loads(self._signer.stdout.readline())}
        connection = http.client.HTTPConnection(url.netloc, timeout=10)
        connection.request(request.method, target(url), request.body.encode(), {**headers, "Content-Type": "application/json"})
        answer = connection.getresponse()
        sent = Sent(target(url), headers, answer.status, answer.read().decode())
        connection.close()
        return sent

    def close(self):
        self._signer.stdin.close()
        self._signer.wait(timeout=10)
        self._signer.stdout.close()


SDKS = {"python": PythonSdk, "python-async": AsyncPythonSdk, "javascript": JavaScriptSdk, "rust": RustClient}
