"""The task this process runs in: its protection from scale-in, and its revision.

Sources: Amazon ECS, Developer Guide, "Task scale-in protection endpoint" and "Task metadata endpoint version 4".
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Mapping
from datetime import datetime

import urllib3

from timmybot.ports.clock import Clock
from timmybot.ports.service_scaler import ScaleInProtection

AGENT_URI = "ECS_AGENT_URI"
METADATA_URI = "ECS_CONTAINER_METADATA_URI_V4"

TERM_MINUTES = 5
"""How long one protection lasts: a worker that hangs stops blocking deployments after this."""

_TIMEOUT = urllib3.Timeout(connect=0.3, read=2.0)
_log = logging.getLogger(__name__)


class TaskProtection:
    """Implements :class:`timmybot.ports.service_scaler.ScaleInProtection` through the ECS agent.

    It may be asked as often as one likes: the agent is called only when the wish changes, when half the term is over,
    or when the last call failed. A refusal is logged and tried again at the next asking; the music goes on.
    """

    def __init__(self, agent_uri: str, clock: Clock, *, term_minutes: int = TERM_MINUTES) -> None:
        self._url = f"{agent_uri}/task-protection/v1/state"
        self._clock = clock
        self._term_minutes = term_minutes
        self._acknowledged: tuple[bool, float] | None = None
        self._http = urllib3.PoolManager(timeout=_TIMEOUT, retries=False)

    async def protect(self, wanted: bool) -> None:
        now = self._clock.monotonic()
        if self._acknowledged is None:
            due = True
        else:
            state, since = self._acknowledged
            due = state != wanted or (wanted and now - since >= self._term_minutes * 30)
        if due:
            refusal = await asyncio.to_thread(self._put, wanted)
            self._acknowledged = None if refusal else (wanted, now)
            if refusal:
                _log.warning("scale-in protection (wanted: %s) was not set: %s", wanted, refusal)

    def _put(self, wanted: bool) -> str | None:
        """Tell the agent; return why it refused, or ``None``."""
        state: dict[str, object] = {"ProtectionEnabled": wanted}
        if wanted:
            state["ExpiresInMinutes"] = self._term_minutes
        try:
            response = self._http.request("PUT", self._url, json=state)
            answer = response.json()
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            return str(error)
        if response.status == 200 and isinstance(answer, dict) and "protection" in answer:
            return None
        return f"{response.status} {json.dumps(answer)[:300]}"


class NoProtection:
    """Implements :class:`timmybot.ports.service_scaler.ScaleInProtection` where nobody scales in."""

    async def protect(self, wanted: bool) -> None:
        pass


def task_protection(clock: Clock, environ: Mapping[str, str] = os.environ) -> ScaleInProtection:
    """The protection of the task this process runs in; one that does nothing when it does not run on ECS."""
    agent_uri = environ.get(AGENT_URI)
    return TaskProtection(agent_uri, clock) if agent_uri else NoProtection()


def seconds_since_pull(now: float, environ: Mapping[str, str] = os.environ) -> float | None:
    """How long ago ECS began to pull this task's image; ``None`` when not on ECS or when the agent does not say.

    ``now`` is Unix time. Waits as :func:`task_revision` does.
    """
    began = (_task(environ) or {}).get("PullStartedAt")
    try:
        return max(now - datetime.fromisoformat(str(began)).timestamp(), 0.0) if began else None
    except ValueError:
        return None


def task_revision(environ: Mapping[str, str] = os.environ) -> int:
    """The revision of this task's definition; 0 when not on ECS or when the agent does not say.

    Waits for the agent for two seconds at most: call it before the event loop starts, or in a thread.
    """
    task = _task(environ)
    if task is None:
        return 0
    try:
        return int(str(task.get("Revision")))
    except ValueError as error:
        _log.warning("the task's revision is unknown: %s", error)
        return 0


def _task(environ: Mapping[str, str]) -> Mapping[str, object] | None:
    """What the agent says of this task; ``None`` when not on ECS. Nothing when it does not answer."""
    metadata_uri = environ.get(METADATA_URI)
    if not metadata_uri:
        return None
    try:
        task = urllib3.PoolManager(timeout=_TIMEOUT, retries=False).request("GET", f"{metadata_uri}/task").json()
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        _log.warning("the agent does not say what task this is: %s", error)
        return {}
    return task if isinstance(task, dict) else {}
