import platform
import subprocess
import sys

import pytest

from foldwise.modules.kept_memory import keep_freed_memory

# A piece of 64 MiB is filled and freed, several times over.
COUNT_FAULTS = """
import ctypes, resource, sys
from foldwise.modules.kept_memory import keep_freed_memory
assert sys.argv[1] == "default" or keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
def fill_and_free():
    piece = libc.malloc(2**26)
    ctypes.memset(piece, 1, 2**26)
    libc.free(piece)
fill_and_free()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    fill_and_free()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how):
    command = [sys.executable, "-c", COUNT_FAULTS, how]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_what_is_freed_comes_without_faults():
    assert faults("kept") < 0.1 * faults("default")


def test_elsewhere_nothing_is_done(monkeypatch):
    keep_freed_memory.cache_clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False
    keep_freed_memory.cache_clear()
