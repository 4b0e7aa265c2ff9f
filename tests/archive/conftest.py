"""A faulty server, a clock that nobody waits for, and a guard against asking the world."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from perijove.archive.cache import Cache
from perijove.archive.http import Conduct, Session


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"archive_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_SERVER = _load("server")


class Clock:
    """Time that passes when somebody sleeps, and by `step` at each look (s); `slept` are the waits."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.step = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        self.seconds += self.step
        return self.seconds

    def sleep(self, wait: float) -> None:
        self.slept.append(wait)
        self.seconds += wait


@pytest.fixture(autouse=True)
def only_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No connection leaves this machine, no proxy is asked, and nobody's own cache is touched."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        assert address[0] in ("127.0.0.1", "::1"), f"a test asks {address}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    # no test pulls the plug, and disks take their time
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    for name in ("http_proxy", "https_proxy", "all_proxy", "PERIJOVE_CACHE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))


@pytest.fixture
def server() -> Iterator[Any]:
    """A running server without replies."""
    with _SERVER.Server().running() as one:
        yield one


@pytest.fixture
def other_server() -> Iterator[Any]:
    """A server on another port: not a host of the archive."""
    with _SERVER.Server().running() as one:
        yield one


@pytest.fixture(scope="session")
def reply() -> Any:
    """The class of replies."""
    return _SERVER.Reply


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def new_session(cache: Cache, clock: Clock) -> Iterator[Callable[..., Session]]:
    """Makes sessions with `clock` and a changed conduct; they are closed at the end.

    Silence is real time: a test with a silent server sets a short `timeout_s`, and no other test depends on it.
    """
    made: list[Session] = []

    def make(*, offline: bool = False, timeout_s: float = 20.0, **changes: Any) -> Session:
        quick = Conduct(timeout_s=timeout_s, **changes)
        one = Session(cache, conduct=quick, offline=offline, clock=clock.now, sleep=clock.sleep, chance=lambda: 1.0)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def session(new_session: Callable[..., Session]) -> Session:
    return new_session()
