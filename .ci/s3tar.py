#!/usr/bin/env python3
"""Measures `vaultscope s3tar` against the way without it on the same endpoint: `aws s3 cp --recursive`, `tar`, upload.

    python .ci/s3tar.py --vaultscope target/release/vaultscope [--set small] [--set large] [--set big] [--gain 5]

Sets: 10,000 objects of 50 KB, 200 objects of 8 MB, and a total over 6 GB made of copies of one object. Prints one JSON
document, with what the original tool publishes beside it; ends with 1 when an archive is wrong, memory is above 150 MB, or
the gain is below `--gain` times, and with 77 when the disk has no room for it.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

import boto3
from botocore.config import Config

SETS = {"small": (10_000, 50_000), "large": (200, 8_000_000), "big": (100, 64 << 20)}
MEMORY_LIMIT = 150 << 20
# The original's README, us-west-2: on AWS, on machines of its own. Copies on S3, and in memory on 16 cores.
PUBLISHED = [
    {"objects": 41_593, "objectKB": 512, "seconds": 370, "usd": 0.4159},
    {"objects": 1_000_000, "seconds": 360, "usd": 0.45, "inMemory": True},
]


def clean_environment(url: str) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    return env | {"AWS_ENDPOINT_URL": url, "AWS_EC2_METADATA_DISABLED": "true"}


def content(seed: int, size: int) -> bytes:
    block = hashlib.sha256(str(seed).encode()).digest()
    return (block * (size // len(block) + 1))[:size]


def fill(s3, name: str, count: int, size: int) -> None:
    s3.create_bucket(Bucket=f"{name}-source")
    if name == "big":
        first = content(0, size)
        s3.put_object(Bucket="big-source", Key="object-00000", Body=first)
        for index in range(1, count):
            s3.copy_object(Bucket="big-source", Key=f"object-{index:05}", CopySource="big-source/object-00000")
        return
    put = lambda index: s3.put_object(Bucket=f"{name}-source", Key=f"object-{index:05}", Body=content(index, size))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(count)))


def measured(command: list[str], env: dict[str, str]) -> tuple[float, int, str]:
    """Seconds, peak of memory in bytes, and standard output."""
    began = time.monotonic()
    peak = 0
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, env=env, stdout=out)
        # Not the kernel's count of the child: that begins with this process's own memory.
        while process.poll() is None:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            peak = max([peak] + [int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM")])
            time.sleep(0.02)
        took = time.monotonic() - began
        out.seek(0)
        text = out.read()
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return took, peak, text


def without(name: str, env: dict[str, str], folder: pathlib.Path, aws: str) -> float:
    objects, archive = folder / "objects", folder / "archive.tar"
    began = time.monotonic()
    subprocess.run([aws, "s3", "cp", "--recursive", "--only-show-errors", f"s3://{name}-source/", str(objects)], env=env, check=True)
    subprocess.run(["tar", "-cf", str(archive), "-C", str(objects), "."], check=True)
    subprocess.run([aws, "s3", "cp", "--only-show-errors", str(archive), f"s3://{name}-dest/without.tar"], env=env, check=True)
    took = time.monotonic() - began
    shutil.rmtree(objects)
    archive.unlink()
    return took


def drop(s3, *buckets: str) -> None:
    """So that the next set has the disk, and the endpoint's memory, to itself."""
    for bucket in buckets:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            if keys := [{"Key": it["Key"]} for it in page.get("Contents", [])]:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
        left = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        if left:
            sys.exit(f"uploads are left in {bucket}: {left}")
        s3.delete_bucket(Bucket=bucket)


def is_whole(s3, name: str, count: int, size: int) -> bool:
    """Every member of the archive, to the byte, as Python's tarfile reads it from the stream."""
    body = s3.get_object(Bucket=f"{name}-dest", Key="archive.tar")["Body"]
    seen = 0
    with tarfile.open(fileobj=body, mode="r|") as archive:
        for member in archive:
            if member.name == "toc.csv":
                continue
            index = 0 if name == "big" else int(member.name.removeprefix("object-"))
            if archive.extractfile(member).read() != content(index, size):
                return False
            seen += 1
    return seen == count


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--vaultscope", required=True)
    parser.add_argument("--aws", default=shutil.which("aws") or "aws")
    parser.add_argument("--gain", type=float, default=5.0)
    parser.add_argument("--set", dest="sets", action="append", choices=SETS)
    args = parser.parse_args()
    sets = args.sets or ["small", "large"]
    # The objects, and beside them what the way without it downloads, packs and uploads; "big" is one object, many times.
    room = max(0 if name == "big" else 4 * SETS[name][0] * SETS[name][1] for name in sets) + (1 << 30)
    if shutil.disk_usage(tempfile.gettempdir()).free < room:
        print(f"{tempfile.gettempdir()} has less than {room >> 20} MB", file=sys.stderr)
        return 77
    emulator = subprocess.Popen([args.vaultscope, "emulator", "--port", "0"], stdout=subprocess.PIPE, text=True)
    is_good = True
    try:
        url = next(word for word in emulator.stdout.readline().split() if word.startswith("http://"))
        env = clean_environment(url)
        config = Config(max_pool_connections=16, retries={"max_attempts": 3})
        s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test", config=config)
        report = {}
        for name in sets:
            count, size = SETS[name]
            fill(s3, name, count, size)
            s3.create_bucket(Bucket=f"{name}-dest")
            command = [args.vaultscope, "s3tar", "--json", "-cf", f"s3://{name}-dest/archive.tar", f"s3://{name}-source/"]
            seconds, peak, out = measured(command, env)
            made = json.loads(out)
            row = {
                "objects": count,
                "bytes": count * size,
                "seconds": round(seconds, 2),
                "peakMemoryMB": round(peak / (1 << 20), 1),
                "bytesThroughMemory": made["archives"][0]["bytesThroughMemory"],
                "parts": made["archives"][0]["parts"],
                "requests": made["requests"],
                "usdAtListPrice": made["usdAtListPrice"],
                "whole": is_whole(s3, name, count, size),
            }
            is_good &= row["whole"] and peak < MEMORY_LIMIT
            if name != "big":
                with tempfile.TemporaryDirectory() as folder:
                    row["secondsWithout"] = round(without(name, env, pathlib.Path(folder), args.aws), 2)
                row["gain"] = round(row["secondsWithout"] / seconds, 1)
                is_good &= row["gain"] >= args.gain
            row["objectsPerSecond"] = round(count / seconds)
            report[name] = row
            drop(s3, f"{name}-source", f"{name}-dest")
        report["publishedByTheOriginal"] = PUBLISHED
        print(json.dumps(report, indent=2))
    finally:
        emulator.terminate()
        emulator.wait()
    return 0 if is_good else 1


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
