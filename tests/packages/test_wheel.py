"""Uses the installed wheel with Microsoft's SDK for Python, as the tests of an app would."""

import os
import signal
import subprocess
import sys
import sysconfig
import unittest
from pathlib import Path

import acs_emulator
from azure.communication.identity import CommunicationIdentityClient, CommunicationTokenScope
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError

PROGRAM = str(Path(sysconfig.get_path("scripts"), "acs-emulator"))


class Wheel(unittest.TestCase):
    def test_the_sdk_creates_a_user_by_connection_string_over_https(self):
        with acs_emulator.start() as emulator:
            string = emulator.https_connection_string
            client = CommunicationIdentityClient.from_connection_string(string, connection_verify=emulator.ca_cert)
            user, token = client.create_user_and_token([CommunicationTokenScope.VOIP])
            self.assertTrue(user.properties["id"].startswith("8:acs:"))
            self.assertEqual(token.token.count("."), 2)
            client.delete_user(user)

    def test_the_sdk_creates_a_user_by_key_over_http(self):
        with acs_emulator.start() as emulator:
            client = CommunicationIdentityClient(emulator.endpoint, AzureKeyCredential(emulator.access_key))
            self.assertTrue(client.create_user().properties["id"].startswith("8:acs:"))
            wrong = CommunicationIdentityClient(emulator.endpoint, AzureKeyCredential("d3Jvbmc="))
            with self.assertRaises(HttpResponseError) as refused:
                wrong.create_user()
            self.assertEqual(refused.exception.status_code, 401)

    def test_options_reach_the_emulator(self):
        with acs_emulator.start("--cloud", "gcch") as emulator:
            client = CommunicationIdentityClient(emulator.endpoint, AzureKeyCredential(emulator.access_key))
            self.assertTrue(client.create_user().properties["id"].startswith("8:gcch-acs:"))

    def test_an_emulator_that_does_not_start_is_an_error(self):
        with self.assertRaisesRegex(RuntimeError, "did not start"), acs_emulator.start("--entra-jwks", "/missing"):
            pass

    def test_the_program_is_on_the_path_and_gets_signals(self):
        for command in [[PROGRAM], [sys.executable, "-m", "acs_emulator"]]:
            told = subprocess.run([*command, "--version"], check=True, capture_output=True, text=True).stdout
            self.assertEqual(told, f"acs-emulator {os.environ['VERSION']}\n")
        process = subprocess.Popen([PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.assertTrue(any(line.startswith("kept in") for line in process.stdout))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=10), 0)
        process.stdout.close()


if __name__ == "__main__":
    unittest.main()
