"""A choice that makes no sense is refused with a sentence, before anything is synthesised."""

from __future__ import annotations

import pytest

from infra.environments import ChoiceError, Egress, Wheels, environment

DIGEST = f"registry.invalid/timmybot@sha256:{'0' * 64}"


def test_dev_and_prod_are_ready_made() -> None:
    assert environment("dev", {}).egress is Egress.PUBLIC_IP
    assert environment("prod", {}).egress is Egress.SINGLE_NAT


def test_a_choice_is_overridden_by_its_name() -> None:
    chosen = environment(
        "dev", {"egress": "single_nat", "wheels": "host", "task_memory": "1024", "flow_logs": "true", "image": DIGEST}
    )
    assert (chosen.egress, chosen.wheels) == (Egress.SINGLE_NAT, Wheels.HOST)
    assert (chosen.task_memory, chosen.flow_logs, chosen.image) == (1024, True, DIGEST)


@pytest.mark.parametrize(
    ("name", "overrides", "sentence"),
    [
        ("staging", {}, "env is 'staging': use one of dev, prod"),
        ("dev", {"egress": "free"}, "egress is 'free': use one of nat_per_az, single_nat, nat_instance, public_ip"),
        ("dev", {"task_cpu": "lots"}, "task_cpu is 'lots': use a whole number"),
        ("dev", {"flow_logs": "yes"}, "flow_logs is 'yes': use true or false"),
        ("dev", {"image": "timmybot:latest"}, "pin it by digest"),
        ("dev", {"image": DIGEST, "image_variant": "js_runtime"}, "is for an image built from here"),
        ("dev", {"image_variant": "huge"}, "image_variant is 'huge': use one of plain, js_runtime"),
        ("dev", {"image": "timmybot@sha256:short"}, "pin it by digest"),
        ("dev", {"function_memory": "128"}, "give 512 "),
        ("dev", {"tasks_max": "50"}, "made for 1 to 5 tasks"),
        ("dev", {"task_cpu": "512"}, "no Fargate size"),
        ("dev", {"shard_count": "0"}, "use 1 or more"),
        ("dev", {"function_python": "2.7"}, "use one of 3.11, 3.12, 3.13, 3.14"),
        ("dev", {"nat_image": "ami-1"}, "is for egress nat_instance"),
        ("dev", {"github_repository": "timmybot"}, "write it as owner/name"),
        ("dev", {"github_repository": "owner@12/name"}, "write it as owner/name or owner@id/name@id"),
        ("dev", {"github_repository": "owner@12/name@x"}, "write it as owner/name or owner@id/name@id"),
        ("dev", {"log_retention_days": "8"}, "use one of"),
        ("dev", {"region": "Frankfurt"}, "like eu-central-1"),
        ("dev", {"vpc_cidr": "10.42.0.0/99"}, "write a network as"),
        ("dev", {"vpc_cidr": "10.42.0.0/24"}, "has room for the subnets"),
        ("dev", {"vpc_cidr": "8.8.0.0/20"}, "use a private network"),
        ("dev", {"players_per_task": "0"}, "use 1 or more"),
        ("dev", {"function_timeout_seconds": "2"}, "use 3"),
        ("dev", {"monthly_budget": "0"}, "use 1 or more"),
        ("dev", {"alarm_email": "me"}, "write it as you@example.org"),
        ("dev", {"egres": "public_ip"}, "'egres' cannot be overridden: use one of"),
        ("dev", {"name": "prod"}, "'name' cannot be overridden"),
    ],
)
def test_nonsense_is_named(name: str, overrides: dict[str, str], sentence: str) -> None:
    with pytest.raises(ChoiceError, match=sentence):
        environment(name, overrides)
