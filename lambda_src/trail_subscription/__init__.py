"""Subscribes the queue of notices to the CloudTrail topic, and confirms it. Runs in the topic's account."""
