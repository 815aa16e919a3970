"""A monthly budget that warns before the money is gone."""

from __future__ import annotations

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.environments import Environment


class Budget(Construct):
    """Warns at 80 % spent and when the month's forecast passes all of it.

    Counts what carries this environment's tag. It has no name of its own: a change that replaces it would find that
    name taken.
    """

    def __init__(self, scope: Construct, construct_id: str, choices: Environment, topic: sns.Topic) -> None:
        super().__init__(scope, construct_id)
        budgets.CfnBudget(
            self,
            "monthly",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=choices.monthly_budget, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:environment${choices.name}"]},
            ),
            notifications_with_subscribers=[
                _warning("ACTUAL", 80, topic),
                _warning("FORECASTED", 100, topic),
            ],
        )


def _warning(kind: str, percent: int, topic: sns.Topic) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
    return budgets.CfnBudget.NotificationWithSubscribersProperty(
        notification=budgets.CfnBudget.NotificationProperty(
            notification_type=kind,
            comparison_operator="GREATER_THAN",
            threshold=percent,
            threshold_type="PERCENTAGE",
        ),
        subscribers=[budgets.CfnBudget.SubscriberProperty(subscription_type="SNS", address=topic.topic_arn)],
    )
