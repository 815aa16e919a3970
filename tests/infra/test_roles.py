"""Who may do what: every allowed pair is listed here, and any other is a failure."""

from __future__ import annotations

from tests.infra.templates import Templates

READ = ("dynamodb:GetItem", "dynamodb:Query")
WRITE = (
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
)
LOG = ("logs:CreateLogStream", "logs:PutLogEvents")


def pairs(actions: tuple[str, ...], *resources: str) -> set[tuple[str, str]]:
    return {(action, resource) for action in actions for resource in resources}


def tables(templates: Templates, *names: str) -> list[str]:
    return [f"dynamodb:table/{templates.names.table(name)}" for name in names]


def secrets(templates: Templates, *names: str) -> list[str]:
    return [f"secretsmanager:secret:{templates.names.secret(name)}-??????" for name in names]


def log_group(templates: Templates, name: str) -> str:
    return f"logs:log-group:/timmybot/{templates.environment}/{name}:*"


def test_the_worker_reads_and_writes_queues_coordination_and_cache_and_no_other_table(either: Templates) -> None:
    written = tables(either, "guild-queues", "coordination", "track-cache")
    assert either.rights("ecs", "tasktaskrole") == (
        pairs((*READ, *WRITE), *written)
        | pairs(("dynamodb:Query",), f"{tables(either, 'guild-queues')[0]}/index/active-shard")
        | pairs(("secretsmanager:GetSecretValue",), *secrets(either, "bot-token", "application"))
        | pairs(("ecs:GetTaskProtection", "ecs:UpdateTaskProtection"), f"ecs:task/{either.names.cluster}/*")
    )


def test_ecs_itself_reads_two_secrets_and_writes_one_log(either: Templates) -> None:
    rights = either.rights("ecs", "taskexecutionrole")
    pull = {pair for pair in rights if pair[0].startswith("ecr:")}
    assert rights - pull == (
        pairs(
            ("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"),
            *secrets(either, "bot-token", "application"),
        )
        | pairs(LOG, log_group(either, "worker"))
    )
    # A token is asked for on no resource: https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
    assert {action for action, resource in pull if resource == "*"} == {"ecr:GetAuthorizationToken"}


def test_the_front_door_writes_wanted_state_and_wakes_one_service(either: Templates) -> None:
    assert either.rights("front-door", "frontdoorfunctionrole") == (
        pairs((*READ, *WRITE), *tables(either, "guild-queues", "coordination"))
        | pairs(("secretsmanager:GetSecretValue",), *secrets(either, "bot-token", "application"))
        | pairs(
            ("ecs:DescribeServices", "ecs:UpdateService"),
            f"ecs:service/{either.names.cluster}/{either.names.worker_service}",
        )
        | pairs(LOG, log_group(either, "front-door"))
    )


def test_the_task_stopped_function_looks_at_who_wants_to_play_and_wakes_one_service(either: Templates) -> None:
    (queues,) = tables(either, "guild-queues")
    assert either.rights("ecs", "taskstoppedfunctionrole") == (
        pairs(("dynamodb:GetItem",), queues)
        | pairs(("dynamodb:Query",), f"{queues}/index/active-shard")
        | pairs(
            ("ecs:DescribeServices", "ecs:UpdateService"),
            f"ecs:service/{either.names.cluster}/{either.names.worker_service}",
        )
        | pairs(LOG, log_group(either, "task-stopped"))
    )


def test_there_is_no_role_but_those_listed_here(either: Templates) -> None:
    roles = {
        name
        for template in either.stacks.values()
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    }
    listed = ("tasktaskrole", "taskexecutionrole", "frontdoorfunctionrole", "taskstoppedfunctionrole")
    flow_log = {role for role in roles if role.startswith("networkvpcflowlog")}
    assert {role for role in roles if not role.startswith(listed)} == flow_log
    assert len(flow_log) == (either.environment == "prod")


def test_no_role_borrows_a_policy_of_aws(either: Templates) -> None:
    assert all("ManagedPolicyArns" not in role for role in either.all("AWS::IAM::Role"))
