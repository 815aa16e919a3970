"""What each role of the template may do and must not, as calls that a test makes under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from timmybot.settings import ResourceNames

OWN, OTHER = ResourceNames("dev"), ResourceNames("prod")

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError"})
"""How AWS's services spell it that IAM said no."""


@dataclass(frozen=True)
class Call:
    """One call of AWS's API, as boto3 names it."""

    service: str
    operation: str
    arguments: Mapping[str, Any]
    about: str

    def __str__(self) -> str:
        return f"{self.service}:{self.operation} {self.about}"


@dataclass(frozen=True)
class RoleTable:
    """``prefix`` is how the role's name begins; ``trusts`` is the service that may assume it."""

    name: str
    prefix: str
    trusts: str
    allowed: tuple[Call, ...]
    forbidden: tuple[Call, ...]


def call(api: str, operation: str, about: str = "", /, **arguments: Any) -> Call:
    return Call(api, operation, arguments, about)


KEYS: Mapping[str, tuple[str, str]] = {
    "guild-queues": ("guild_id", "item"),
    "user-preferences": ("user_id", "item"),
    "track-cache": ("track_id", "item"),
    "server-allowlist": ("guild_id", ""),
    "coordination": ("pk", "sk"),
}


def key(table: str) -> dict[str, dict[str, str]]:
    return {name: {"S": "role-table"} for name in KEYS[table] if name}


def get(table: str, names: ResourceNames = OWN) -> Call:
    return call("dynamodb", "get_item", names.table(table), TableName=names.table(table), Key=key(table))


def query(table: str) -> Call:
    condition = {"KeyConditionExpression": "#k = :k", "ExpressionAttributeNames": {"#k": KEYS[table][0]}}
    value = {":k": {"S": "role-table"}}
    return call("dynamodb", "query", table, TableName=OWN.table(table), ExpressionAttributeValues=value, **condition)


def put(table: str, names: ResourceNames = OWN) -> Call:
    return call("dynamodb", "put_item", names.table(table), TableName=names.table(table), Item=key(table))


def update(table: str) -> Call:
    return call("dynamodb", "update_item", table, TableName=OWN.table(table), Key=key(table))


def delete(table: str) -> Call:
    return call("dynamodb", "delete_item", table, TableName=OWN.table(table), Key=key(table))


def write_batch(table: str) -> Call:
    requests = {OWN.table(table): [{"PutRequest": {"Item": key(table)}}]}
    return call("dynamodb", "batch_write_item", table, RequestItems=requests)


def transact(*tables: str) -> Call:
    items = [{"Put": {"TableName": OWN.table(table), "Item": key(table)}} for table in tables]
    return call("dynamodb", "transact_write_items", " and ".join(tables), TransactItems=items)


def look_into_index(operation: str) -> Call:
    where = {"TableName": OWN.table("guild-queues"), "IndexName": "active-shard"}
    if operation == "query":
        where |= {"KeyConditionExpression": "active_shard = :shard"}
        return call("dynamodb", "query", "active-shard", ExpressionAttributeValues={":shard": {"N": "3"}}, **where)
    return call("dynamodb", operation, "active-shard", **where)


def secret(name: str, names: ResourceNames = OWN) -> Call:
    return call("secretsmanager", "get_secret_value", names.secret(name), SecretId=names.secret(name))


def service(operation: str, name: str, cluster: str = OWN.cluster) -> Call:
    arguments: dict[str, Any] = {"services": [name]} if operation == "describe_services" else {"service": name}
    if operation == "update_service":
        arguments["desiredCount"] = 0
    return call("ecs", operation, f"{cluster}/{name}", cluster=cluster, **arguments)


def log_event(group: str, environment: str = "dev") -> Call:
    name = f"/timmybot/{environment}/{group}"
    events = [{"timestamp": 1, "message": "role table"}]
    return call("logs", "put_log_events", name, logGroupName=name, logStreamName="none", logEvents=events)


TABLES_ARE_SAFE = (
    *(call("dynamodb", "scan", table, TableName=OWN.table(table)) for table in KEYS),
    look_into_index("scan"),
    *(call("dynamodb", "delete_table", table, TableName=OWN.table(table)) for table in KEYS),
    call(
        "dynamodb",
        "update_time_to_live",
        TableName=OWN.table("guild-queues"),
        TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at"},
    ),
    call("dynamodb", "create_backup", TableName=OWN.table("guild-queues"), BackupName="role-table"),
    call("dynamodb", "execute_statement", Statement=f'SELECT * FROM "{OWN.table("guild-queues")}"'),
    call("dynamodb", "list_tables"),
    get("user-preferences"),
    get("server-allowlist"),
    get("guild-queues", OTHER),
    put("guild-queues", OTHER),
    put("server-allowlist"),
    update("server-allowlist"),
    delete("server-allowlist"),
    write_batch("server-allowlist"),
    transact("server-allowlist"),
    transact("guild-queues", "server-allowlist"),
    put("user-preferences"),
    delete("user-preferences"),
)

THE_ACCOUNT_IS_SAFE = (
    secret("database"),
    secret("oauth-client"),
    secret("bot-token", OTHER),
    call("secretsmanager", "put_secret_value", SecretId=OWN.secret("bot-token"), SecretString="stolen"),
    call("secretsmanager", "delete_secret", SecretId=OWN.secret("bot-token")),
    call("secretsmanager", "list_secrets"),
    service("update_service", "somebody-elses"),
    service("update_service", OTHER.worker_service, OTHER.cluster),
    service("update_service", OWN.worker_service, OTHER.cluster),
    service("delete_service", OWN.worker_service),
    call("ecs", "delete_cluster", cluster=OWN.cluster),
    call("ecs", "run_task", cluster=OWN.cluster, taskDefinition=OWN.worker_service),
    call("ecs", "stop_task", cluster=OWN.cluster, task="0" * 32),
    call("ecs", "execute_command", cluster=OWN.cluster, task="0" * 32, command="sh", interactive=True),
    call("ecs", "register_task_definition", family=OWN.worker_service, containerDefinitions=[]),
    call("lambda", "invoke", FunctionName=f"{OWN.prefix}-front-door"),
    call("lambda", "update_function_code", FunctionName=f"{OWN.prefix}-front-door", ZipFile=b""),
    call("iam", "list_roles"),
    call("iam", "create_user", UserName="role-table"),
    call("iam", "create_access_key", UserName="role-table"),
    call("s3", "list_buckets"),
    call("cloudformation", "delete_stack", StackName=f"{OWN.prefix}-database"),
    call("ssm", "get_parameters_by_path", Path="/"),
    call("logs", "delete_log_group", logGroupName="/timmybot/dev/worker"),
    call("cloudwatch", "delete_alarms", AlarmNames=[f"{OWN.prefix}-idle"]),
    call("sns", "list_topics"),
)

PROTECTION: Mapping[str, Any] = {"cluster": OWN.cluster, "tasks": ["0" * 32], "protectionEnabled": True}

WORKER = RoleTable(
    name="the worker's task role",
    prefix="timmybot-dev-ecs-tasktaskrole",
    trusts="ecs-tasks.amazonaws.com",
    allowed=(
        *(
            use(table)
            for table in ("guild-queues", "coordination", "track-cache")
            for use in (get, query, put, update, delete, write_batch)
        ),
        transact("guild-queues"),
        look_into_index("query"),
        # Those it was started with: it looks for them again while they are placeholders.
        secret("bot-token"),
        secret("application"),
        call("ecs", "update_task_protection", **PROTECTION),
    ),
    forbidden=(
        *TABLES_ARE_SAFE,
        *THE_ACCOUNT_IS_SAFE,
        service("update_service", OWN.worker_service),
        call("ecs", "update_task_protection", "of another", **{**PROTECTION, "cluster": OTHER.cluster}),
        log_event("front-door"),
    ),
)

EXECUTION = RoleTable(
    name="the role under which ECS starts a worker",
    prefix="timmybot-dev-ecs-taskexecutionrole",
    trusts="ecs-tasks.amazonaws.com",
    allowed=(secret("bot-token"), secret("application"), log_event("worker")),
    forbidden=(
        *TABLES_ARE_SAFE,
        *THE_ACCOUNT_IS_SAFE,
        *(get(table) for table in ("guild-queues", "track-cache", "coordination")),
        put("guild-queues"),
        put("coordination"),
        service("update_service", OWN.worker_service),
        log_event("front-door"),
        log_event("worker", "prod"),
    ),
)

FRONT_DOOR = RoleTable(
    name="the front door's role",
    prefix="timmybot-dev-front-door-frontdoorfunctionrole",
    trusts="lambda.amazonaws.com",
    allowed=(
        *(use(table) for table in ("guild-queues", "coordination") for use in (get, query, put, update, delete)),
        transact("guild-queues"),
        secret("bot-token"),
        secret("application"),
        service("describe_services", OWN.worker_service),
        service("update_service", OWN.worker_service),
        log_event("front-door"),
    ),
    forbidden=(
        *TABLES_ARE_SAFE,
        *THE_ACCOUNT_IS_SAFE,
        put("track-cache"),
        look_into_index("query"),
        call("ecs", "update_task_protection", **PROTECTION),
        log_event("worker"),
    ),
)

TASK_STOPPED = RoleTable(
    name="the role of the function that hears of stopped tasks",
    prefix="timmybot-dev-ecs-taskstoppedfunctionrole",
    trusts="lambda.amazonaws.com",
    allowed=(
        get("guild-queues"),
        look_into_index("query"),
        service("describe_services", OWN.worker_service),
        service("update_service", OWN.worker_service),
        log_event("task-stopped"),
    ),
    forbidden=(
        *TABLES_ARE_SAFE,
        *THE_ACCOUNT_IS_SAFE,
        *(use(table) for table in ("guild-queues", "coordination", "track-cache") for use in (put, update, delete)),
        get("coordination"),
        secret("bot-token"),
        secret("application"),
        log_event("worker"),
    ),
)

ROLES = (WORKER, EXECUTION, FRONT_DOOR, TASK_STOPPED)
