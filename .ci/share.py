#!/usr/bin/env python3
"""Vaults 2 GB in 2,000 files through the folder of a simulated file share, as a user would, and looks at what came of it.

usage: share.py VAULTSCOPE [--gigabytes N] [--most-mb N] [--slowest FACTOR] [--folder DIR]

Starts an endpoint, deploys both stacks, activates the gateway, makes a share over a real folder, generates random files and
vaults them into the share. Fails when the dataset is not reconciled, an object's SHA-256 is not its file's, the endpoint's
peak memory is above the bound, or vaulting took longer than FACTOR times `cp -r` to the same disk.
Exit code 77: the disk has no room for it.
"""
import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3

ROOM = 5  # the source, its copy by cp, the share, the endpoint's objects, and one for whoever else writes

ap = argparse.ArgumentParser()
ap.add_argument("vaultscope", type=pathlib.Path)
ap.add_argument("--gigabytes", type=float, default=2)
ap.add_argument("--most-mb", type=float, default=200)
ap.add_argument("--slowest", type=float, default=2)
ap.add_argument("--folder", default=tempfile.gettempdir(), help="where to work")
args = ap.parse_args()

free = shutil.disk_usage(args.folder).free
if free < ROOM * args.gigabytes * 1e9:
    print(f"{args.folder} has {free / 1e9:.1f} GB free, {ROOM * args.gigabytes:.0f} GB are needed", file=sys.stderr)
    sys.exit(77)


def sha256(chunks):
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def of_file(path):
    with path.open("rb") as file:
        return sha256(iter(lambda: file.read(1 << 20), b""))


def until(what, met, seconds=300):
    end = time.monotonic() + seconds
    while not (found := met()):
        assert time.monotonic() < end, f"{what} took more than {seconds} s"
        time.sleep(0.2)
    return found


@contextlib.contextmanager
def endpoint(work):
    said = work / "endpoint.out"
    with said.open("w") as out, (work / "endpoint.err").open("w") as err:
        env = os.environ | {"TMPDIR": str(work)}
        process = subprocess.Popen([args.vaultscope, "emulator", "--port", "0"], stdout=out, stderr=err, env=env)
    try:
        url = until("the start", lambda: re.search(r"http://[0-9.:]+", said.read_text()), 20)
        yield process, url.group()
    finally:
        process.terminate()
        process.wait(60)


def ours(*words, json_out=True):
    words = [str(args.vaultscope), *map(str, words)] + (["--json"] if json_out else [])
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return json.loads(done.stdout) if json_out else done.stdout


def timed(what):
    os.sync()
    began = time.monotonic()
    answer = what()
    return time.monotonic() - began, answer


def memory(process, name):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", status).group(1)) / 1024


def ticks(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


with tempfile.TemporaryDirectory(prefix="vaultscope-share-", dir=args.folder) as top:
    work = pathlib.Path(top)
    source, share, copied = work / "source", work / "share", work / "copied"
    with endpoint(work) as (process, url):
        at = ["--endpoint-url", url]
        ours("deploy", *at, json_out=False)
        ours("deploy", "data-vaulting", *at, json_out=False)
        ours("gateway", "activate", *at)
        made_share = ours("gateway", "share", *at, "--folder", share)["share"]
        # Settling and the state machine's waits are simulated time; copying and uploading are not.
        request = urllib.request.Request(f"{url}/_vaultscope/clock", b'{"rate": 20}', method="POST")
        urllib.request.urlopen(request).read()

        made = ours("generate", "-s", args.gigabytes, "-l", 1, "-u", 1, "-t", source, "--seed", 7)
        cp = min(timed(lambda: subprocess.run(["cp", "-r", source, copied / str(n)], check=True))[0]
                 for n in range(2) if copied.mkdir(exist_ok=True) is None)
        shutil.rmtree(copied)
        before = memory(process, "VmHWM")
        began = time.monotonic()
        vault, vaulted = timed(lambda: ours("vault", "-s", source, "-t", share, "--seed", 7))
        root = next(path for path in share.iterdir() if path.is_dir())
        set_id = root.name.removesuffix("-vaultjob")

        client = {"endpoint_url": url, "region_name": "us-east-1",
                  "aws_access_key_id": "test", "aws_secret_access_key": "test"}
        logs, s3 = boto3.client("logs", **client), boto3.client("s3", **client)
        group = logs.describe_log_groups(logGroupNamePrefix="EventProcessingStack-reconcileNotifySuccessful")
        group = group["logGroups"][0]["logGroupName"]
        until("the reconciliation",
              lambda: logs.filter_log_events(logGroupName=group, filterPattern=f'"{set_id}"')["events"], 600)
        landed = time.monotonic() - began
        peak = memory(process, "VmHWM")

        bucket = next(it["Name"] for it in s3.list_buckets()["Buckets"] if "fileupload" in it["Name"])
        files = {str(path.relative_to(share)): path for path in root.rglob("*") if path.is_file()}
        keys = {it["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
                for it in page.get("Contents", [])}
        folders = {f"{path.relative_to(share)}/" for path in [root, *root.rglob("*")] if path.is_dir()}
        assert keys == files.keys() | folders, keys ^ (files.keys() | folders)
        originals = {of_file(path) for path in source.rglob("*") if path.is_file()}
        for key, path in files.items():
            digest = sha256(s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1 << 20))
            assert digest == of_file(path), f"{key} is not its file"
            assert digest in originals or key.endswith(".manifest"), f"{key} is no file of the source"
        # The same folder over NFS, through a client that is not ours.
        if shutil.which("nfs-cp"):
            one = max(source.rglob("file-*"), key=lambda path: path.stat().st_size)
            host, port = made_share["status"]["nfs"].rsplit(":", 1)
            export = f"nfs://{host}/over-nfs?nfsport={port}&mountport={port}"
            subprocess.run(["nfs-cp", one, export], check=True, stdout=subprocess.DEVNULL)
            held = lambda: [it for it in s3.list_objects_v2(Bucket=bucket, Prefix="over-nfs").get("Contents", [])
                            if it["Size"] == one.stat().st_size]
            until("the upload over NFS", held, 60)
            digest = sha256(s3.get_object(Bucket=bucket, Key="over-nfs")["Body"].iter_chunks(1 << 20))
            assert digest == of_file(one), "what nfs-cp wrote is not its file"
            print("a file that nfs-cp wrote over NFS is its object")
        else:
            print("nfs-cp is not there: the NFS export was not looked at", file=sys.stderr)
        at_rest = ticks(process)
        time.sleep(3)
        idle = (ticks(process) - at_rest) / os.sysconf("SC_CLK_TCK") / 3

gigabytes = made["bytes"] / 1e9
print(f"{len(files)} files, {gigabytes:.2f} GB: cp -r {cp:.2f} s ({gigabytes / cp:.2f} GB/s), vaulted into the share in "
      f"{vault:.2f} s ({gigabytes / vault:.2f} GB/s, {vault / cp:.2f} times cp -r), reconciled after {landed:.1f} s, "
      f"every SHA-256 equal; the endpoint's peak {peak:.0f} MB ({before:.0f} MB before), idle {idle:.1%} of a core")
assert peak <= args.most_mb, f"the endpoint had {peak:.0f} MB, more than {args.most_mb:.0f} MB"
assert vault <= args.slowest * cp, f"vaulting took {vault / cp:.2f} times cp -r, more than {args.slowest}"
