"""Hypothesis judges what we say, not how fast a loaded machine says it."""

from hypothesis import HealthCheck, settings

settings.register_profile("timmybot", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("timmybot")
