"""TimmyBot on AWS, in CDK: ``environments`` holds what costs money, ``stacks`` what is deployed together."""
