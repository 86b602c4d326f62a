"""The client of the compose file: Microsoft's SDK for Python, in another container than the emulator.
ACS_ENDPOINT is the emulator, and ACS_DATA its data directory, with the key and the certificate."""

import json
import os
from pathlib import Path

from azure.communication.identity import CommunicationIdentityClient, CommunicationTokenScope

data = Path(os.environ["ACS_DATA"])
key = json.loads((data / "resource.json").read_text())["primaryKey"]
client = CommunicationIdentityClient.from_connection_string(
    f"endpoint={os.environ['ACS_ENDPOINT']}/;accesskey={key}", connection_verify=str(data / "ca.pem")
)
user, token = client.create_user_and_token([CommunicationTokenScope.VOIP])
print(f"created {user.properties['id']}, which has a token until {token.expires_on}")
client.delete_user(user)
