"""What the official suite imports from azure-sdk-for-python's `devtools_testutils`.

That package is on no registry (azure-devtools on PyPI is an older one without these
names), so the suite gets its live behaviour from here: nothing is recorded, hence there
is no proxy to start and nothing to sanitize.
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
