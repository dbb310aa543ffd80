#!/usr/bin/env python3
"""Checks the document of `vaultscope run --stack s3tar --json`, and the archive with tar and Python's tarfile.

usage: archived.py URL DOCUMENT DAYS [STEP...]
STEP names steps that the target cannot do; all others have to be ok.
"""
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import boto3
from botocore.config import Config

url, document, days, *unavailable = sys.argv[1:]
report = json.loads(pathlib.Path(document).read_text())
objects = 100 * int(days)
assert (report["version"], report["kind"]) == (1, "archiving"), report
assert report["verified"] is True, report["steps"]
steps = {name: step["state"] for name, step in report["steps"].items()}
assert len(steps) == 8, steps
assert steps == {name: "unavailable" if name in unavailable else "ok" for name in steps}, report["steps"]
archive = report["archive"]
assert (archive["members"], archive["equal"], archive["tocAgrees"]) == (objects, objects, True), archive
assert archive["missing"] == archive["different"] == archive["unexpected"] == [], archive
if not unavailable:
    execution = report["execution"]
    assert execution["path"] == ["RunTask", "NotifySuccess"], execution
    assert (execution["status"], execution["attempts"], execution["waits"]) == ("SUCCEEDED", 1, []), execution
    assert report["schedule"]["fired"] is True, report["schedule"]
    assert [news["subject"] for news in report["notifications"]] == ["Task successfully processed."], report

config = Config(s3={"addressing_style": "path"})
s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=config)
source = report["stack"]["sourceBucket"]
bodies = {}
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=source):
    for found in page["Contents"]:
        bodies[found["Key"]] = s3.get_object(Bucket=source, Key=found["Key"])["Body"].read()
assert len(bodies) == objects, len(bodies)
bucket, key = archive["place"].removeprefix("s3://").split("/", 1)

with tempfile.TemporaryDirectory() as folder:
    place = pathlib.Path(folder, "archive.tar")
    s3.download_file(bucket, key, str(place))
    unpacked = pathlib.Path(folder, "unpacked")
    unpacked.mkdir()
    listed = subprocess.run(["tar", "-tf", place], check=True, capture_output=True, text=True)
    assert listed.stderr == "", listed.stderr
    assert sorted(listed.stdout.splitlines()) == sorted([*bodies, "toc.csv"]), "tar lists other members"
    subprocess.run(["tar", "-xf", place, "-C", unpacked], check=True)
    with tarfile.open(place) as tar:
        members = tar.getmembers()
        assert members[0].name == "toc.csv", members[0]
        assert len(members) == objects + 1, len(members)
        for member in members[1:]:
            body = bodies[member.name]
            assert tar.extractfile(member).read() == body, f"{member.name} differs in tarfile"
            assert (unpacked / member.name).read_bytes() == body, f"{member.name} differs in tar"
print(f"{objects} members equal their objects in tar and tarfile; {report['seconds']}")
