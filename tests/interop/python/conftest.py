"""The stack under test, and the fixtures of the tests."""

import asyncio
import json
import os
import time
import uuid

import pytest
import requests
from azure.communication.identity import CommunicationIdentityClient
from azure.communication.identity.aio import CommunicationIdentityClient as AsyncClient
from azure.core.credentials import AccessToken, AzureKeyCredential


class Stack:
    """The addresses of all services, and calls outside the SDK."""

    def __init__(self, places):
        self.gateway = places["gateway"]
        self.issuer = places["issuer"]
        self.acs = places["acs"]

    def introspect(self, token):
        """The emulator's introspection of a token: whether it is active, and if not, why."""
        answer = requests.post(f"{self.acs['http']}/_emulator/introspect", json={"token": token}, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def bearer(self):
        """The sign-in of a new user."""
        form = {"sub": f"user-{uuid.uuid4()}", "scope": "guestpass.token"}
        answer = requests.post(f"{self.issuer}/token", data=form, timeout=10)
        answer.raise_for_status()
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def get_token(self, bearer):
        return requests.get(f"{self.gateway}/v1/token", headers=bearer, timeout=30)


class EntraCredential:
    """A credential of the emulator's development application, by its secret."""

    def __init__(self, acs):
        self._acs = acs

    def get_token(self, *scopes, **_):
        form = {
            "grant_type": "client_credentials",
            "client_id": "e0000000-0000-4000-8000-000000000002",
            "client_secret": "development-secret",
            "scope": " ".join(scopes),
        }
        url = f"{self._acs['https']}/organizations/oauth2/v2.0/token"
        answer = requests.post(url, data=form, verify=self._acs["caCert"], timeout=10)
        answer.raise_for_status()
        answer = answer.json()
        return AccessToken(answer["access_token"], int(time.time()) + answer["expires_in"])


class AsyncEntraCredential(EntraCredential):
    async def get_token(self, *scopes, **_):
        return super().get_token(*scopes)


class InStep:
    """The asynchronous client, called like the synchronous one."""

    def __init__(self, endpoint, credential, **options):
        self._loop = asyncio.new_event_loop()

        async def build():  # aiohttp must be created inside its loop
            return AsyncClient(endpoint, credential, **options)

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
    """Creates clients; each test runs once with either of the SDK's two."""

    def connect(endpoint, credential, **options):
        if isinstance(credential, str):
            credential = AzureKeyCredential(credential)
        if request.param == "sync":
            client = CommunicationIdentityClient(endpoint, credential, **options)
            request.addfinalizer(client._identity_service_client.close)
        else:
            if isinstance(credential, EntraCredential):
                credential = AsyncEntraCredential(credential._acs)
            client = InStep(endpoint, credential, **options)
            request.addfinalizer(client.end)
        return client

    return connect


@pytest.fixture(params=["2021-03-07", "2022-10-01", "2023-10-01"])
def version(request):
    """One of the versions that the SDK offers; their texts sort by age."""
    return request.param


@pytest.fixture(params=["key", "entra"])
def client(request, stack, connect, version):
    acs = stack.acs
    if request.param == "key":
        return connect(acs["http"], acs["accessKey"], api_version=version)
    # The SDK does not send a bearer over http.
    return connect(acs["https"], EntraCredential(acs), api_version=version, connection_verify=acs["caCert"])
