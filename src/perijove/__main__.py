"""Lets `python -m perijove` stand for the `perijove` command."""

from perijove.cli import main

main()
