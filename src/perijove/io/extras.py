"""Libraries that not everyone has installed, imported when they are needed and asked for in one sentence."""

from __future__ import annotations

import importlib
from typing import Any

from perijove.errors import UsageError


def need(module: str, extra: str, kind: str) -> Any:
    """A module of an optional library; UsageError that tells how to install the `extra` where it is missing.

    `kind` is the kind of file that it is needed for.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        library = module.split(".")[0]
        raise UsageError(f"{kind} needs {library}, which is not installed: pip install 'perijove[{extra}]'") from error
