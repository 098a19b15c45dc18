import resource
from contextlib import contextmanager

import pytest


@contextmanager
def _full_disk(num_bytes):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def full_disk():
    """Let no file grow beyond a few bytes, as on a disk that is full: `with full_disk(100):`."""
    return _full_disk
