"""Runs the official suite live against the stack: run.py <the suite's directory>"""

import json
import os
import sys
import urllib.request
from pathlib import Path

# The development application and user of the emulator's own issuer.
APP = "e0000000-0000-4000-8000-000000000002"
APP_SECRET = "development-secret"
USERNAME = "user@emulator.invalid"
PASSWORD = "development-password"
# MSAL asks authorities of this name directly: it uses neither instance discovery, at Microsoft's
# own host, nor realm discovery, at port 443.
TENANT = "adfs"

SHIMS = Path(__file__).parent / "shims"


def expired_teams_token(acs):
    url = f"{acs['http']}/_emulator/entra/token"
    with urllib.request.urlopen(url, data=b'{"expiresInSeconds": -60}', timeout=10) as answer:
        return json.load(answer)["token"]


def environment(acs):
    return {
        "AZURE_TEST_RUN_LIVE": "true",
        "AZURE_SKIP_LIVE_RECORDING": "true",
        "COMMUNICATION_LIVETEST_DYNAMIC_CONNECTION_STRING":
            f"endpoint={acs['https']}/;accesskey={acs['accessKey']}",
        # The variables that `DefaultAzureCredential` reads.
        "AZURE_AUTHORITY_HOST": acs["https"],
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": APP,
        "AZURE_CLIENT_SECRET": APP_SECRET,
        # The Teams user's sign-in.
        "COMMUNICATION_M365_APP_ID": APP,
        "COMMUNICATION_M365_AAD_AUTHORITY": acs["https"],
        "COMMUNICATION_M365_AAD_TENANT": TENANT,
        "COMMUNICATION_MSAL_USERNAME": USERNAME,
        "COMMUNICATION_MSAL_PASSWORD": PASSWORD,
        "COMMUNICATION_EXPIRED_TEAMS_TOKEN": expired_teams_token(acs),
        # Trust in the emulator's authority: for requests and MSAL, and for aiohttp.
        "REQUESTS_CA_BUNDLE": acs["caCert"],
        "SSL_CERT_FILE": acs["caCert"],
        "PYTHONPATH": str(SHIMS),
    }


def main():
    suite = sys.argv[1]
    with open(os.environ["STACK_JSON"], encoding="utf-8") as file:
        acs = json.load(file)["acs"]
    os.chdir(suite)
    options = ["-q", "--tb=short", "-p", "no:cacheprovider", "-p", "live", "--rootdir", suite]
    # A test that does not await its call has not run.
    options += ["-W", "error:coroutine:RuntimeWarning", "-W", "error::pytest.PytestUnraisableExceptionWarning"]
    command = [sys.executable, "-m", "pytest", *options, suite]
    os.execve(sys.executable, command, {**os.environ, **environment(acs)})


main()
