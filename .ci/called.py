#!/usr/bin/env python3
"""Counts which operations of an endpoint boto3 has called with success, over several scripts of one run.

usage: called.py FILE       compares what the scripts have put into FILE with docs/emulator.md, and fails naming what is missing

Scripts take their clients from here; each notes what succeeded in the file that VAULTSCOPE_CALLED names, when it ends.
"""
import atexit
import os
import pathlib
import re
import sys

import boto3
from botocore.config import Config

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "emulator.md"
NAMES = {"stepfunctions": "states"}
succeeded = set()


def client(service, endpoint, **config):
    made = boto3.client(service, endpoint_url=endpoint,
                        config=Config(**{"retries": {"max_attempts": 0}, "inject_host_prefix": False, **config}))
    made.meta.events.register("after-call", note)
    return made


def note(http_response, model, **_):
    if http_response.status_code < 300:
        service = model.service_model.service_name
        succeeded.add(f"{NAMES.get(service, service)}:{model.name}")


def supported():
    sections = re.findall(r"^## .*\(`([a-z0-9]+)`\)\n(.+)$", PAGE.read_text(), re.MULTILINE)
    return {f"{service}:{operation}" for service, listed in sections for operation in listed.split(", ")}


@atexit.register
def keep():
    if place := os.environ.get("VAULTSCOPE_CALLED"):
        with open(place, "a") as file:
            file.writelines(f"{name}\n" for name in sorted(succeeded))


if __name__ == "__main__":
    told = set(pathlib.Path(sys.argv[1]).read_text().split())
    # The gateway has a test of its own beside it.
    wanted = {name for name in supported() if not name.startswith("storagegateway:")}
    assert len(wanted) > 300, f"{PAGE} lists only {len(wanted)} operations"
    missing = sorted(wanted - told)
    if missing:
        sys.exit(f"{len(missing)} of {len(wanted)} operations were never called with success:\n  " + "\n  ".join(missing))
    print(f"boto3 called every one of {len(wanted)} operations with success")
