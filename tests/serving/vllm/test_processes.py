"""Processes are told apart by their start; only what was asked for ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from foveate.serving.vllm.processes import Process, alive, end, find, group, listeners, loopback

# A leader with one child in its session; both ignore SIGTERM when told so.
LEADER = (
    "import os, signal, sys, time\n"
    "if sys.argv[1] == 'stubborn': signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "child = os.fork()\n"
    "print(os.getpid(), child, flush=True) if child else None\n"
    "time.sleep(60)\n"
)


class Session:
    def __init__(self, kind: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", LEADER, kind], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.popen.stdout is not None
        leader, child = map(int, self.popen.stdout.readline().split())
        self.leader, self.child = known(leader), known(child)

    def close(self) -> None:
        for process in (self.leader, self.child):
            if alive(process):
                os.kill(process.pid, signal.SIGKILL)
        self.popen.wait()
        assert self.popen.stdout is not None
        self.popen.stdout.close()


def known(pid: int) -> Process:
    process = find(pid)
    assert process is not None
    return process


def gone(process: Process) -> bool:
    until = time.monotonic() + 5
    while alive(process) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(process)


@pytest.fixture
def polite() -> Iterator[Session]:
    session = Session("polite")
    yield session
    session.close()


@pytest.fixture
def stubborn() -> Iterator[Session]:
    session = Session("stubborn")
    yield session
    session.close()


def test_a_session_is_found_and_ends_whole(polite: Session) -> None:
    assert {polite.leader, polite.child} == set(group(polite.leader))
    # The child got no signal of its own before the leader was gone: it counts among those that had to be killed.
    assert end(polite.leader, (), grace_s=0.5) == 1
    assert gone(polite.leader) and gone(polite.child)


def test_what_ignores_the_request_is_killed(stubborn: Session) -> None:
    assert end(stubborn.leader, (), grace_s=0.3) == 2
    assert gone(stubborn.leader) and gone(stubborn.child)


def test_a_recycled_number_is_left_alone(polite: Session) -> None:
    impostor = replace(polite.leader, birth=polite.leader.birth + "1")
    other = replace(polite.child, birth="another-boot:1")
    assert not alive(impostor) and group(impostor) == ()
    assert end(impostor, [other], grace_s=0.1) == 0
    assert alive(polite.leader) and alive(polite.child)


def test_children_of_a_dead_leader_end_too(polite: Session) -> None:
    os.kill(polite.leader.pid, signal.SIGKILL)
    polite.popen.wait()
    assert alive(polite.child)
    assert end(polite.leader, [polite.child], grace_s=5) == 1
    assert gone(polite.child)


def test_a_process_that_waits_to_be_collected_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    until = time.monotonic() + 5
    while find(child.pid) is not None and time.monotonic() < until:
        time.sleep(0.02)
    assert find(child.pid) is None
    child.wait()


def test_nobody() -> None:
    assert find(2**22 + 1) is None


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_listeners(family: socket.AddressFamily, host: str) -> None:
    own = known(os.getpid())
    with socket.socket(family) as opened:
        try:
            opened.bind((host, 0))
        except OSError:
            pytest.skip(f"no {host} here")
        port = opened.getsockname()[1]
        assert port not in dict(map(reversed, listeners([own])))  # bound, not listening yet
        opened.listen()
        assert (host, port) in listeners([own])


@pytest.mark.parametrize(
    ("address", "here"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("0.0.0.0", False), ("::", False), ("10.0.0.7", False)],
)
def test_loopback(address: str, here: bool) -> None:
    assert loopback(address) is here
