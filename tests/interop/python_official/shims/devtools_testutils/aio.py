"""`devtools_testutils.aio`, live."""

import asyncio
import functools


def recorded_by_proxy_async(test):
    """Wraps an asynchronous test so that the test has ended when the wrapper returns.

    The suite's own `ArgumentPasser` drops the return value of a test. If that were a coroutine,
    every parametrized test would pass without having run.
    """

    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run
