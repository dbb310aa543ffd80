#!/usr/bin/env python3
"""Modules 3, 4, 5 and 7 of the workshop on an endpoint: the lines of the AWS CLI as the workshop and its script have
them, save for endpoint and credentials, in order; a dataset goes through the file share and is reconciled.

usage: gateway.py ENDPOINT VAULTSCOPE AWS FOLDER PID [GB]
FOLDER is an empty folder to work in, PID the endpoint's process, GB how much is vaulted, in files of 1 MB [0.05].
"""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.request

endpoint, vaultscope, aws, folder, pid = sys.argv[1:6]
size = sys.argv[6] if len(sys.argv) > 6 else "0.05"
work = pathlib.Path(folder)
REGION = os.environ["AWS_DEFAULT_REGION"]
NOTHING = ("", "None", None)
# Whoever goes through the endpoint is in the gateway's VPC: its address answers there.
inside = os.environ | {"AWS_ENDPOINT_URL": endpoint, "http_proxy": endpoint, "no_proxy": "127.0.0.1", "AWS_PAGER": ""}


def line(text, **values):
    """A line of a shell; what it prints."""
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], capture_output=True, text=True,
                          env=inside | {k: str(v) for k, v in values.items()} | {"PATH": f"{pathlib.Path(aws).parent}:{os.environ['PATH']}"})
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def refused(text, code, **values):
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True,
                          env=inside | values | {"PATH": f"{pathlib.Path(aws).parent}:{os.environ['PATH']}"})
    assert done.returncode != 0 and code in done.stderr, f"{text}\n{done.stdout}{done.stderr}"


def until(what, look):
    end = time.monotonic() + 300
    while time.monotonic() < end:
        found = look()
        if found not in NOTHING:
            return found
        time.sleep(0.2)
    raise SystemExit(f"waited in vain for {what}")


def own(*words):
    done = subprocess.run([vaultscope, *words, "--endpoint-url", endpoint], capture_output=True, text=True)
    assert done.returncode == 0, f"vaultscope {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


def digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def peak():
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(l for l in status.splitlines() if l.startswith("VmHWM")).split()[1]) / 1024


# Module 3, with our `deploy` in the place of `cdk deploy`.
own("deploy", "--yes")
own("deploy", "data-vaulting", "--yes")

# Module 4.2, what activate-gateway.sh does.
endpoint_id = line("aws ssm get-parameter --name dataVaultingStackVpcEndpointId --query Parameter.Value --output text")
dns = line("aws ec2 describe-vpc-endpoints --vpc-endpoint-ids $id --query 'VpcEndpoints[0].DnsEntries[0].DnsName' --output text", id=endpoint_id)
key = line('curl -fsS "http://192.168.1.10/?activationRegion=$region&vpcEndpoint=$dns&no_redirect"', region=REGION, dns=dns)
gateway = line("aws storagegateway activate-gateway --activation-key $key --gateway-name cdk-app --gateway-timezone GMT"
               " --gateway-region $region --gateway-type FILE_S3 --query GatewayARN --output text", key=key, region=REGION)
upload = line("aws ssm get-parameter --name fileUploadBucketName --query Parameter.Value --output text")
scripts = line("aws ssm get-parameter --name cdkApplicationScriptsBucketName --query Parameter.Value --output text")
(work / "vars.sh").write_text(f"gatewayArn={gateway}\nfileUploadBucketName={upload}\ncdkApplicationScriptsBucketName={scripts}\n")
refused("aws storagegateway list-local-disks --gateway-arn $arn", "InvalidGatewayRequestException", arn=gateway)
rate = urllib.request.Request(f"{endpoint}/_vaultscope/clock", json.dumps({"rate": 60}).encode(), method="POST")
urllib.request.urlopen(rate).read()

# Module 4.3, the console's steps as lines.
state = "aws storagegateway describe-gateway-information --gateway-arn $arn --query GatewayState --output text"
until("the gateway", lambda: line(state, arn=gateway) == "RUNNING" or None)
told = json.loads(line("aws storagegateway describe-gateway-information --gateway-arn $arn --output json", arn=gateway))
assert (told["VPCEndpoint"], told["GatewayNetworkInterfaces"][0]["Ipv4Address"]) == (dns, "192.168.1.10"), told
disk = line("aws storagegateway list-local-disks --gateway-arn $arn --query 'Disks[*].DiskId' --output text", arn=gateway)
assert disk == "/dev/sdf", disk
line("aws storagegateway add-cache --gateway-arn $arn --disk-ids $disk", arn=gateway, disk=disk)
role = line("aws cloudformation describe-stacks --stack-name DataVaultingStack"
            " --query \"Stacks[0].Outputs[?OutputKey=='fileShareRoleArn'].OutputValue\" --output text")
share = line("aws storagegateway create-nfs-file-share --client-token $token --gateway-arn $arn --role $role"
             " --location-arn arn:aws:s3:::$bucket --client-list 192.168.0.10/32 --file-share-name filegateway-fileshare"
             " --notification-policy '{\"Upload\": {\"SettlingTimeInSeconds\": 60}}' --query FileShareARN --output text",
             token="workshop", arn=gateway, role=role, bucket=upload)
info = "aws storagegateway describe-nfs-file-shares --file-share-arn-list $arn --query 'NFSFileShareInfoList[0]' --output json"
until("the file share", lambda: json.loads(line(info, arn=share))["FileShareStatus"] == "AVAILABLE" or None)
shown = json.loads(line(info, arn=share))
assert (shown["Path"], shown["ClientList"]) == ("/filegateway-fileshare", ["192.168.0.10/32"]), shown

# Module 5, with the folder in the place of the mount.
mounted = json.loads(own("gateway", "mount", "--json"))
vaultdata = pathlib.Path(mounted["folder"])
source = work / "sourcedata"
own("generate", "-s", size, "-t", str(source), "-l", "1", "-u", "1", "--json")
began = time.monotonic()
vaulted = json.loads(own("vault", "-s", str(source), "-t", str(vaultdata), "--json"))
copied = time.monotonic() - began
set_id = vaulted["setId"]

# Module 6: the reconciliation is told of in its log group.
group = line("aws logs describe-log-groups --query"
             " \"logGroups[?starts_with(logGroupName, 'EventProcessingStack-reconcileNotifySuccessful')].logGroupName\" --output text")
reconciled = "aws logs filter-log-events --log-group-name $group --query 'events[0].message' --output text"
message = until("the reconciliation", lambda: line(reconciled, group=group) or None)
assert json.loads(message)["detail"]["set-id"] == set_id, message
landed = time.monotonic() - began
bucket = work / "bucket"
line("aws s3 cp s3://$bucket/ $to --recursive --only-show-errors --exclude '*/'", bucket=upload, to=bucket)
sent = {p.relative_to(vaultdata): digest(p) for p in vaultdata.rglob("*") if p.is_file()}
kept = {p.relative_to(bucket): digest(p) for p in bucket.rglob("*") if p.is_file()}
assert sent and sent == kept, (len(sent), len(kept), set(sent) ^ set(kept))

# Module 7.
line(f"cd {work} && source ./vars.sh && aws storagegateway delete-gateway --gateway-arn $gatewayArn")
line(f"cd {work} && source ./vars.sh && aws s3 rm s3://$fileUploadBucketName --recursive --only-show-errors")
line(f"cd {work} && source ./vars.sh && aws s3 rm s3://$cdkApplicationScriptsBucketName --recursive --only-show-errors")
own("destroy", "data-vaulting", "--yes")
own("destroy", "--yes")
assert json.loads(line("aws storagegateway list-gateways --output json"))["Gateways"] == []
left = json.loads(line("aws s3api list-buckets --output json"))["Buckets"]
assert not {upload, scripts} & {b["Name"] for b in left}, left
assert not vaultdata.exists(), vaultdata
mb = sum(p.stat().st_size for p in source.rglob("*") if p.is_file()) / 1e6
print(f"{len(sent)} files, {mb:.0f} MB: vaulted in {copied:.1f} s, reconciled after {landed:.1f} s; the endpoint's peak: {peak():.0f} MB")
shutil.rmtree(bucket)
