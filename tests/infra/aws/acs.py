"""The ACS emulator as a separate process."""

import json
import os
import re
import subprocess
import urllib.request
from pathlib import Path
from typing import Any


class Acs:
    def __init__(self, binary: Path):
        self._process = subprocess.Popen(
            [binary, "--ephemeral"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=dict(os.environ)
        )
        said: dict[str, str] = {}
        for line in self._process.stdout:
            name, value = re.split(r"\s{2,}", line.strip(), maxsplit=1)
            said[name] = value
            if name == "control":
                break
        self.connection_string = said["connection string"]
        self.secondary = said["secondary string"]
        self._control = said["control"]

    def control(self, what: str, body: Any = None) -> Any:
        request = urllib.request.Request(self._control + what, data=None if body is None else json.dumps(body).encode())
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def is_live(self, token: str) -> bool:
        return self.control("introspect", {"token": token})["active"]

    def identities(self) -> set[str]:
        return {one["id"] for one in self.control("identities")["identities"]}

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
