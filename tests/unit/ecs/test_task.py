"""The ECS agent's endpoints, answered by a server on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from timmybot.adapters.ecs import NoProtection, TaskProtection, task_protection, task_revision

GRANTED = (200, {"protection": {"ProtectionEnabled": True}})
REFUSED = (400, {"error": {"Code": "ThrottlingException", "Message": "slow down"}})
FAILED = (200, {"failure": {"Reason": "DEPLOYMENT_BLOCKED"}})


class Agent(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), AgentHandler)
        self.answer: tuple[int, Any] = GRANTED
        self.asked: list[tuple[str, str, Any]] = []

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/abc"


class AgentHandler(BaseHTTPRequestHandler):
    server: Agent

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(("PUT", self.path, json.loads(body)))
        self.reply()

    def do_GET(self) -> None:
        self.server.asked.append(("GET", self.path, None))
        self.reply()

    def reply(self) -> None:
        status, body = self.server.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def agent() -> Iterator[Agent]:
    with Agent() as one:
        thread = Thread(target=one.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield one
        one.shutdown()
        thread.join()


async def test_protection_is_asked_for_in_a_short_term_and_renewed_at_half_of_it(agent: Agent) -> None:
    clock = FakeClock()
    protection = TaskProtection(agent.uri, clock, term_minutes=4)

    await protection.protect(True)
    clock.freeze(119)
    await protection.protect(True)
    assert agent.asked == [
        ("PUT", "/api/abc/task-protection/v1/state", {"ProtectionEnabled": True, "ExpiresInMinutes": 4})
    ]

    clock.freeze(1)
    await protection.protect(True)
    assert len(agent.asked) == 2


async def test_protection_is_let_go_at_once_and_only_once(agent: Agent) -> None:
    protection = TaskProtection(agent.uri, FakeClock())
    await protection.protect(True)

    await protection.protect(False)
    await protection.protect(False)

    assert [body for _, _, body in agent.asked[1:]] == [{"ProtectionEnabled": False}]


@pytest.mark.parametrize("answer", [REFUSED, FAILED])
async def test_a_refusal_is_logged_and_tried_again(
    agent: Agent, caplog: pytest.LogCaptureFixture, answer: tuple[int, Any]
) -> None:
    protection = TaskProtection(agent.uri, FakeClock())
    agent.answer = answer

    await protection.protect(True)
    assert "was not set" in caplog.text

    agent.answer = GRANTED
    await protection.protect(True)
    await protection.protect(True)
    assert len(agent.asked) == 2


async def test_an_agent_that_is_not_there_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    await TaskProtection("http://127.0.0.1:9/api", FakeClock()).protect(True)
    assert "was not set" in caplog.text


def test_off_ecs_there_is_no_protection_and_no_revision() -> None:
    assert isinstance(task_protection(FakeClock(), {}), NoProtection)
    assert task_revision({}) == 0


def test_the_revision_is_the_task_definitions(agent: Agent) -> None:
    agent.answer = (200, {"Family": "worker", "Revision": "17"})
    assert task_revision({"ECS_CONTAINER_METADATA_URI_V4": agent.uri}) == 17
    assert agent.asked == [("GET", "/api/abc/task", None)]


def test_a_revision_that_nobody_tells_is_zero(agent: Agent, caplog: pytest.LogCaptureFixture) -> None:
    agent.answer = (500, {})
    assert task_revision({"ECS_CONTAINER_METADATA_URI_V4": agent.uri}) == 0
    assert "revision is unknown" in caplog.text
