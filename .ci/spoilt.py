#!/usr/bin/env python3
"""Spoils a simulated file share on real disks: no room, files that can't be read, links in a loop, names that are not
UTF-8. Each must be said in words by `vaultscope gateway status`, the rest must go on, and what is mended must arrive.

usage: spoilt.py VAULTSCOPE, with a Python beside which the AWS CLI lies

Only root can make small disks and users that may not read a file: for others it ends with 77. It mounts in a namespace of
its own, which goes with it.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

NOBODY = 65534

if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "mount", "setpriv"))):
    sys.exit(77)
if "SPOILT_APART" not in os.environ:
    # A namespace may be forbidden where there is no sandbox of one's own.
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        sys.exit(77)
    os.execvpe("unshare", ["unshare", "-m", sys.executable, *sys.argv], os.environ | {"SPOILT_APART": "1"})

top = pathlib.Path(tempfile.mkdtemp(prefix="vaultscope-spoilt-"))
share, store, source = (top / name for name in ("share", "store", "source"))
binary = top / "vaultscope"
env = {"PATH": os.environ["PATH"], "HOME": str(top), "TMPDIR": str(store), "AWS_ACCESS_KEY_ID": "test",
       "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def nobody(*words, expect=0):
    done = subprocess.run([*as_nobody, *map(str, words)], env=env, capture_output=True, text=True)
    assert done.returncode == expect, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def ours(*words, **more):
    return nobody(binary, *words, "--endpoint-url", url, **more)


def shell(text):
    nobody("bash", "-euc", text)


def overview():
    return json.loads(ours("gateway", "status", "--json")[0])["gateways"][0]["shares"][0]


def until(what, met):
    end = time.monotonic() + 120
    while not met(seen := overview()["status"]):
        assert time.monotonic() < end, f"waited in vain for {what}: {seen}"
        time.sleep(0.1)
    return seen


def problems(seen):
    return {path: error["problem"] for path, error in seen["errors"].items()}


def objects():
    # As the one who called: an AWS CLI in a home of root's is not for everybody to run.
    listed = subprocess.run([aws, "--endpoint-url", url, "s3api", "list-objects-v2", "--bucket", bucket, "--query", "Contents[].Key",
                             "--output", "json"], env=env | {"HOME": os.environ["HOME"]}, capture_output=True, text=True, check=True)
    return set(json.loads(listed.stdout) or [])


process = None
try:
    os.chmod(top, 0o777)  # the share keeps its journal beside its folder
    shutil.copy(sys.argv[1], binary)
    os.chmod(binary, 0o755)
    for folder, size in ((share, "8m"), (store, "24m"), (source, "64m")):
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=777", "none", folder], check=True)
    aws = str(pathlib.Path(sys.executable).parent / "aws")
    with (top / "out").open("w") as out, (top / "err").open("w") as err:
        process = subprocess.Popen([*as_nobody, binary, "emulator", "--port", "0", "--time-scale", "60"], env=env, stdout=out, stderr=err)
    end = time.monotonic() + 20
    while not (found := re.search(r"http://[0-9.:]+", (top / "out").read_text())):
        assert time.monotonic() < end and process.poll() is None, (top / "err").read_text()
        time.sleep(0.05)
    url = found.group()
    ours("deploy")
    ours("deploy", "data-vaulting")
    ours("gateway", "activate")
    ours("gateway", "share", "--folder", share)
    bucket = overview()["bucket"]

    shell(f"""
        cd {top}/source; mkdir t; echo ok > t/ok
        ln -s .. t/loop; ln -s nowhere t/dangling; ln -s /etc/passwd t/out; mkfifo t/pipe; printf x > "$(printf 't/na\\xffme')"
        cp -a t/* {share}/
        (umask 777; echo x > {share}/born; mkdir {share}/closed); echo after > {share}/after
    """)
    seen = until("what is spoilt", lambda seen: len(problems(seen)) >= 7 and seen["waiting"] + seen["settling"] == 0)
    said = problems(seen)
    for path, words in {"born": "cannot be read", "closed/": "cannot be read", "loop": "symbolic link", "dangling": "symbolic link",
                        "out": "symbolic link", "pipe": "pipe"}.items():
        assert words in said.get(path, ""), (path, said)
    assert any("not UTF-8" in words for words in said.values()), said
    assert {"ok", "after"} <= objects() and not {"born", "out", "pipe", "loop", "dangling"} & objects(), objects()
    shell(f"chmod 644 {share}/born; chmod 755 {share}/closed; echo x > {share}/closed/x")
    until("what was made readable", lambda seen: not {"born", "closed/"} & set(problems(seen)) and seen["waiting"] + seen["settling"] == 0)
    assert {"born", "closed/x"} <= objects(), objects()
    print("unreadable, loops, pipes, names: said, and the rest went on")

    nobody(binary, "generate", "-s", "0.02", "-l", "1", "-u", "1", "-t", source / "big", "--seed", "7")
    _, words = nobody(binary, "vault", "-s", source / "big", "-t", share, expect=1)
    assert "has room for" in words and "free" in words, words
    assert not any(share.glob("*/dir-*")), "vault began although there is no room"
    print("a dataset that does not fit: refused before its first byte")

    shell(f"head -c 64m /dev/zero > {store}/filler 2>/dev/null || true; for i in 1 2 3; do head -c 200k /dev/urandom > {share}/late-$i; done")
    seen = until("the full disk to be said", lambda seen: sum("is full" in words for words in problems(seen).values()) == 3)
    (store / "filler").unlink()
    until("the uploads to go on", lambda seen: not any("is full" in words for words in problems(seen).values()) and seen["waiting"] + seen["settling"] == 0)
    assert {"late-1", "late-2", "late-3"} <= objects(), objects()
    print("the endpoint's disk full: said, and all arrived once there was room")
    assert process.poll() is None, (top / "err").read_text()
    assert "panicked" not in (top / "err").read_text(), (top / "err").read_text()
finally:
    if process is not None:
        process.terminate()
        process.wait(60)
    for folder in (share, store, source):
        subprocess.run(["umount", folder], capture_output=True)
    shutil.rmtree(top, ignore_errors=True)
