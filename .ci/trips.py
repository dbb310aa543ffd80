#!/usr/bin/env python3
"""Every operation of the endpoint's services with boto3, its answer checked for what was put in.

usage: trips.py ENDPOINT [SERVICE …]
EC2 and ECS are in fleet.py, ECR and instance profiles in clients.py.
"""
import importlib
import sys
import time

import called
import flows

endpoint, *wanted = sys.argv[1:]
GROUPS = ["queues", "parameters", "tables", "buckets", "events", "logs", "roles", "functions", "stacks", "machines"]


def client(service):
    return called.client(service, endpoint)


for group in wanted or GROUPS:
    began = time.monotonic()
    importlib.import_module(f"roundtrips.{group}").run(client)
    print(f"{group}: {time.monotonic() - began:.1f} s")
if not wanted:
    flows.all_of(client)
