"""Each environment is synthesised once, and kept under build/ until what it is made from changes."""

from __future__ import annotations

import pytest

from infra.synthesis import synthesise
from tests.infra.templates import Templates


@pytest.fixture(scope="session")
def dev() -> Templates:
    return Templates("dev", synthesise("dev"))


@pytest.fixture(scope="session")
def prod() -> Templates:
    return Templates("prod", synthesise("prod"))


@pytest.fixture(scope="session", params=["dev", "prod"])
def either(request: pytest.FixtureRequest) -> Templates:
    """What must hold in dev and in prod."""
    templates = request.getfixturevalue(request.param)
    assert isinstance(templates, Templates)
    return templates
