"""What the official suite imports from azure-sdk-for-python's `devtools_testutils`.

That package is not in a registry (azure-devtools on PyPI is an older package without these names),
so this module provides its live behaviour: nothing is recorded, so it needs no proxy and no
sanitizers.
"""

import pytest


def is_live():
    return True


class AzureRecordedTestCase:
    def is_playback(self):
        return False


def recorded_by_proxy(test):
    return test


@pytest.fixture(scope="session")
def test_proxy():
    pass


def _nothing_is_recorded(**_):
    pass


set_default_session_settings = _nothing_is_recorded
add_body_key_sanitizer = _nothing_is_recorded
add_general_regex_sanitizer = _nothing_is_recorded
add_general_string_sanitizer = _nothing_is_recorded
add_header_regex_sanitizer = _nothing_is_recorded
add_oauth_response_sanitizer = _nothing_is_recorded
