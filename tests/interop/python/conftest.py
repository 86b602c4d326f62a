"""The stack under test, and what the tests ask of it."""

import asyncio
import json
import os
import uuid

import pytest
import requests
from azure.communication.identity import CommunicationIdentityClient
from azure.communication.identity.aio import CommunicationIdentityClient as AsyncClient
from azure.core.credentials import AzureKeyCredential


class Stack:
    """Where everything is, and calls that are not the SDK's."""

    def __init__(self, places):
        self.gateway = places["gateway"]
        self.issuer = places["issuer"]
        self.acs = places["acs"]

    def introspect(self, token):
        """What the emulator knows about a token: whether it is active, and if not, why."""
        answer = requests.post(f"{self.acs['http']}/_emulator/introspect", json={"token": token}, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def bearer(self):
        """The sign-in of a user nobody else has."""
        form = {"sub": f"user-{uuid.uuid4()}", "scope": "guestpass.token"}
        answer = requests.post(f"{self.issuer}/token", data=form, timeout=10)
        answer.raise_for_status()
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def get_token(self, bearer):
        return requests.get(f"{self.gateway}/v1/token", headers=bearer, timeout=30)


class InStep:
    """The asynchronous client, called as if it were the other one."""

    def __init__(self, endpoint, credential):
        self._loop = asyncio.new_event_loop()

        async def build():  # aiohttp wants to be made inside of its loop
            return AsyncClient(endpoint, credential)

        self._client = self._loop.run_until_complete(build())

    def __getattr__(self, name):
        method = getattr(self._client, name)
        return lambda *args, **kwargs: self._loop.run_until_complete(method(*args, **kwargs))

    def end(self):
        self.close()
        self._loop.close()


@pytest.fixture(scope="session")
def stack():
    with open(os.environ["STACK_JSON"], encoding="utf-8") as file:
        return Stack(json.load(file))


@pytest.fixture(params=["sync", "async"])
def connect(request):
    """Makes clients; each test runs once with either of the SDK's two."""

    def connect(endpoint, key):
        if request.param == "sync":
            client = CommunicationIdentityClient(endpoint, AzureKeyCredential(key))
            request.addfinalizer(client._identity_service_client.close)
        else:
            client = InStep(endpoint, AzureKeyCredential(key))
            request.addfinalizer(client.end)
        return client

    return connect


@pytest.fixture
def client(stack, connect):
    return connect(stack.acs["http"], stack.acs["accessKey"])
