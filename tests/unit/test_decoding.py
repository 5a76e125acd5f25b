"""Threads that decode a type at the same time, in a process of its own: what is wrong here is no exception."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys, threading, types
import msgspec
from workers.decoding import know_types

sys.setswitchinterval(1e-6)
parts = "".join(f"class Part{n}(msgspec.Struct):\\n    number: 'int'\\n    name: 'str' = ''\\n" for n in range(30))
whole = "class Whole(msgspec.Struct):\\n" + "".join(f"    part{n}: 'Part{n} | None' = None\\n" for n in range(30))
for round in range(100):
    module = sys.modules[f"round{round}"] = types.ModuleType(f"round{round}")
    module.msgspec = msgspec
    exec(parts + whole, module.__dict__)
    assert know_types() >= 31 * (round + 1)
    barrier = threading.Barrier(6)

    def decode():
        barrier.wait()
        found = msgspec.json.decode(b'{"part0": {"number": 1}, "part29": {"number": 2}}', type=module.Whole)
        assert found.part29.number == 2

    threads = [threading.Thread(target=decode) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("all decoded")
"""


def test_types_that_are_known_are_decoded_by_many_threads() -> None:
    """Without `know_types` this ends with a segmentation fault in one of the first rounds."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], check=False, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "all decoded\n"), done.stderr
