"""When the service spreads, and when it sleeps."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.components import metrics
from infra.environments import Environment

AT_LEAST_ONE_PLAYER = "IF(players < 1, 1, players)"
"""Target tracking in proportion to zero players would want zero tasks, at once: a worker that has just been
restarted in mid-song holds none for a moment. Only the idle policy may put the service to sleep."""

SPREAD_COOLDOWN_MINUTES = 3
"""Longer than a task takes to be pulled, started and counted: until it emits, the average is still that of the tasks
before it, and the policy would want as many again."""

SLEEP_COOLDOWN_MINUTES = 5
"""Longer than a log line takes to become a metric and an alarm to look at it."""


class WorkerScaling(Construct):
    """1→n by players per task, n→0 when nothing has wanted to sound for a while.

    0→1 is not here: at zero nothing emits, so no policy could act. The front door wakes the service.
    """

    def __init__(self, scope: Construct, construct_id: str, choices: Environment, service: ecs.FargateService) -> None:
        super().__init__(scope, construct_id)
        self._choices = choices
        count = autoscaling.ScalableTarget(
            self,
            "count",
            service_namespace=autoscaling.ServiceNamespace.ECS,
            resource_id=f"service/{choices.names.cluster}/{choices.names.worker_service}",
            scalable_dimension="ecs:service:DesiredCount",
            min_capacity=0,
            max_capacity=choices.tasks_max,
            role=self._service_linked_role(),
        )
        count.node.add_dependency(service)
        self._track_players_per_task(count)
        self._sleep_when_idle(count)

    def _track_players_per_task(self, count: autoscaling.ScalableTarget) -> None:
        # Written out, because CDK's own method takes no metric math.
        tracking = autoscaling.CfnScalingPolicy
        players = metrics.players(self._choices)
        stat = tracking.TargetTrackingMetricStatProperty(
            metric=tracking.TargetTrackingMetricProperty(
                namespace=players.namespace,
                metric_name=players.metric_name,
                dimensions=[
                    tracking.TargetTrackingMetricDimensionProperty(name=name, value=str(value))
                    for name, value in (players.dimensions or {}).items()
                ],
            ),
            stat=players.statistic,
        )
        tracking(
            self,
            "players-per-task",
            policy_name=f"{self._choices.names.prefix}-players-per-task",
            policy_type="TargetTrackingScaling",
            scaling_target_id=count.scalable_target_id,
            target_tracking_scaling_policy_configuration=tracking.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=self._choices.players_per_task,
                scale_out_cooldown=SPREAD_COOLDOWN_MINUTES * 60,
                scale_in_cooldown=300,
                customized_metric_specification=tracking.CustomizedMetricSpecificationProperty(
                    metrics=[
                        tracking.TargetTrackingMetricDataQueryProperty(
                            id="players", metric_stat=stat, return_data=False
                        ),
                        tracking.TargetTrackingMetricDataQueryProperty(
                            id="at_least_one", expression=AT_LEAST_ONE_PLAYER, return_data=True
                        ),
                    ]
                ),
            ),
        )

    def _service_linked_role(self) -> iam.IRole:
        # AWS creates this role itself, and would ignore any other.
        arn = cdk.Stack.of(self).format_arn(
            service="iam",
            region="",
            resource="role",
            resource_name="aws-service-role/ecs.application-autoscaling.amazonaws.com/"
            "AWSServiceRoleForApplicationAutoScaling_ECSService",
        )
        return iam.Role.from_role_arn(self, "service-linked-role", arn, mutable=False)

    def _sleep_when_idle(self, count: autoscaling.ScalableTarget) -> None:
        sleep = autoscaling.StepScalingAction(
            self,
            "sleep",
            scaling_target=count,
            adjustment_type=autoscaling.AdjustmentType.EXACT_CAPACITY,
            metric_aggregation_type=autoscaling.MetricAggregationType.MAXIMUM,
            # A raised alarm repeats its action every minute. A /play just after falling asleep wakes the service
            # before its own metric can lower the alarm; without this it would be put back to sleep.
            cooldown=cdk.Duration.minutes(SLEEP_COOLDOWN_MINUTES),
        )
        sleep.add_adjustment(adjustment=0, upper_bound=0)
        minutes = self._choices.idle_minutes
        idle = cloudwatch.Alarm(
            self,
            "idle",
            alarm_name=f"{self._choices.names.prefix}-idle",
            alarm_description=(
                f"No player has been active for {minutes} minutes: the service goes to sleep. "
                "Nothing to do; the next /play wakes it."
            ),
            metric=metrics.active(self._choices),
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD,
            threshold=0,
            evaluation_periods=minutes,
            datapoints_to_alarm=minutes,
            # Asleep, nothing emits; and a service just woken must not be put back to sleep by an old alarm.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        idle.add_alarm_action(actions.ApplicationScalingAction(sleep))
