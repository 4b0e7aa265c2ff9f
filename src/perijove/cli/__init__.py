"""The command line: `perijove info`, `perijove solve`, `perijove picture`; one module a verb."""

import os
import sys


def main() -> None:
    """The entry point of the `perijove` command; ends the process with its exit code."""
    try:
        # a caller may have closed them; they stay open as long as the process
        sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
        sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
        for stream in (sys.stdout, sys.stderr):
            # a title or a path may hold what the terminal's encoding lacks
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        from perijove.cli.app import app

        app()
    except KeyboardInterrupt:  # before or after the command itself
        sys.exit(130)
