import os

import boto3


def handler(event, context):
    """Keeps the event in the bucket and tells what it is set to."""
    bucket = os.environ["BUCKET"]
    boto3.client("s3").put_object(Bucket=bucket, Key="event", Body=event["id"].encode())
    return {"event": event["id"], "seconds": os.environ["SECONDS"]}
