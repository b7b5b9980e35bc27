"""`rasa run` as a child of the gateway: the token comes in by standard input, and when that ends, so does this.

Runs in Rasa's own Python. On a command line or in the environment the token would be there for everybody to see; and a
parent that was killed cannot tell its child.
"""

# pyright: reportMissingImports=false, reportUnknownVariableType=false

import os
import sys
import threading


def main() -> None:
    token = sys.stdin.readline().strip()
    threading.Thread(target=end_with_parent, daemon=True).start()
    # In one word: a token may begin with a hyphen, and one in sixty-four does.
    sys.argv = ["rasa", "run", "--enable-api", f"--auth-token={token}", *sys.argv[1:]]
    from rasa.__main__ import main as rasa

    rasa()


def end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
