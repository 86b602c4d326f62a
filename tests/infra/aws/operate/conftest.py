"""What several tests of the operator's commands need."""

from collections.abc import Iterator

import pytest

from local_stack import LocalStack


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> Iterator[LocalStack]:
    stack = LocalStack(tmp_path_factory.mktemp("local"))
    yield stack
    stack.stop()
