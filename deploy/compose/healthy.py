"""Exit 0 if this container's stage says that it lives; its health port is on loopback.

python healthy.py live|ready
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request


def main() -> int:
    """Ask the stage."""
    address = f"http://127.0.0.1:{os.environ.get('BWV_HEALTH_PORT', '8080')}/{sys.argv[1]}"
    try:
        with urllib.request.urlopen(address, timeout=3) as answer:
            return 0 if answer.status == 200 else 1
    except (urllib.error.URLError, OSError) as error:
        print(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
