"""Tasks reach out; nothing reaches in; and the way out costs what the environment chose."""

from __future__ import annotations

import pytest

from tests.infra.templates import Templates, plain


def test_nothing_reaches_a_task_from_outside(either: Templates) -> None:
    group = either.one("AWS::EC2::SecurityGroup")
    assert "SecurityGroupIngress" not in group
    assert either.all("AWS::EC2::SecurityGroupIngress") == []


def test_a_task_opens_only_what_the_bot_needs(either: Templates) -> None:
    egress = either.one("AWS::EC2::SecurityGroup")["SecurityGroupEgress"]
    assert {(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in egress} == {
        ("tcp", 80, 80),
        ("tcp", 443, 443),
        ("tcp", 1024, 65535),
        ("udp", 1024, 65535),
    }
    assert all(rule["Description"] for rule in egress)


@pytest.mark.parametrize("port", [443, 2053, 2083, 2087, 2096, 8443])
def test_a_task_reaches_a_voice_gateway_where_discord_has_been_seen_to_put_one(either: Templates, port: int) -> None:
    """Found in endpoints of VOICE_SERVER_UPDATE that people quote, as in disnake #1301; with 80 and 443 alone no call
    would come about in most regions."""
    egress = either.one("AWS::EC2::SecurityGroup")["SecurityGroupEgress"]
    assert any(rule["IpProtocol"] == "tcp" and rule["FromPort"] <= port <= rule["ToPort"] for rule in egress)


def test_dev_pays_for_no_nat(dev: Templates) -> None:
    assert dev.all("AWS::EC2::NatGateway") == []
    assert _addresses(dev) == "ENABLED"


def test_prod_pays_for_one_nat_and_its_tasks_have_no_address_of_their_own(prod: Templates) -> None:
    assert len(prod.all("AWS::EC2::NatGateway")) == 1
    assert _addresses(prod) == "DISABLED"


def test_dynamodb_and_s3_are_reached_without_leaving_aws(either: Templates) -> None:
    endpoints = either.all("AWS::EC2::VPCEndpoint")
    services = {plain(endpoint["ServiceName"]).rsplit(".", 1)[-1] for endpoint in endpoints}
    assert services == {"dynamodb", "s3"}
    assert all(endpoint["VpcEndpointType"] == "Gateway" for endpoint in endpoints)


def test_no_zone_was_looked_up(either: Templates) -> None:
    zones = {subnet["AvailabilityZone"] for subnet in either.all("AWS::EC2::Subnet")}
    assert zones == {"eu-central-1a", "eu-central-1b"}


def _addresses(templates: Templates) -> str:
    network = templates.one("AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]
    return str(network["AssignPublicIp"])
