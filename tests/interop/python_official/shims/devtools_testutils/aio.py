"""`devtools_testutils.aio`, live."""

import asyncio
import functools


def recorded_by_proxy_async(test):
    """Makes of an asynchronous test one that has ended when it returns.

    The suite's own `ArgumentPasser` drops what a test returns. Were that a coroutine, every
    parametrized test would pass without having run.
    """

    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run
