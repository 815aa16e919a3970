"""The stores of an environment on AWS: two DynamoDB tables, ``guild-queues`` and ``coordination``.

This is the only package that imports botocore for DynamoDB, and it imports nothing heavier (boto3 would add its
transfer manager, an eighth of a cold start): the front door loads it while a user waits.
"""

from timmybot.adapters.dynamodb.stores import Stores, connect, dynamodb_client

__all__ = ["Stores", "connect", "dynamodb_client"]
