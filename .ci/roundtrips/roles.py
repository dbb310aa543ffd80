"""AWS IAM: roles and policies. Instance profiles are where the CDK's calls are."""
import json

from . import pages, refused

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def run(client):
    iam = client("iam")
    role = iam.create_role(RoleName="trips", AssumeRolePolicyDocument=json.dumps(TRUST), Description="d", Path="/x/",
                           Tags=[{"Key": "a", "Value": "1"}])["Role"]
    assert role["Arn"].endswith(":role/x/trips") and role["AssumeRolePolicyDocument"] == TRUST, role
    refused("EntityAlreadyExists", iam.create_role, RoleName="trips", AssumeRolePolicyDocument=json.dumps(TRUST))
    refused("MalformedPolicyDocument", iam.create_role, RoleName="other", AssumeRolePolicyDocument="{")
    iam.update_role(RoleName="trips", Description="e", MaxSessionDuration=7200)
    other = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}
    iam.update_assume_role_policy(RoleName="trips", PolicyDocument=json.dumps(other))
    shown = iam.get_role(RoleName="trips")["Role"]
    assert (shown["Description"], shown["MaxSessionDuration"], shown["AssumeRolePolicyDocument"]) == ("e", 7200, other), shown
    assert "trips" in [r["RoleName"] for r in pages(iam, "list_roles", "Roles", PathPrefix="/x/")]
    iam.tag_role(RoleName="trips", Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_role(RoleName="trips", TagKeys=["a"])
    assert iam.list_role_tags(RoleName="trips")["Tags"] == [{"Key": "b", "Value": "2"}]
    iam.put_role_policy(RoleName="trips", PolicyName="inline", PolicyDocument=json.dumps(ALLOW))
    assert iam.get_role_policy(RoleName="trips", PolicyName="inline")["PolicyDocument"] == ALLOW
    assert pages(iam, "list_role_policies", "PolicyNames", RoleName="trips") == ["inline"]

    arn = iam.create_policy(PolicyName="trips", PolicyDocument=json.dumps(ALLOW))["Policy"]["Arn"]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    assert arn in [p["Arn"] for p in pages(iam, "list_policies", "Policies", Scope="Local")]
    deny = {**ALLOW, "Statement": [{**ALLOW["Statement"][0], "Effect": "Deny"}]}
    assert iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(deny), SetAsDefault=True)["PolicyVersion"]["VersionId"] == "v2"
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == deny
    versions = pages(iam, "list_policy_versions", "Versions", PolicyArn=arn)
    assert {v["VersionId"]: v["IsDefaultVersion"] for v in versions} == {"v1": False, "v2": True}, versions
    refused("DeleteConflict", iam.delete_policy_version, PolicyArn=arn, VersionId="v2")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.attach_role_policy(RoleName="trips", PolicyArn=arn)
    assert [p["PolicyArn"] for p in pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName="trips")] == [arn]
    refused("DeleteConflict", iam.delete_role, RoleName="trips")
    refused("DeleteConflict", iam.delete_policy, PolicyArn=arn)
    iam.detach_role_policy(RoleName="trips", PolicyArn=arn)
    iam.delete_role_policy(RoleName="trips", PolicyName="inline")
    refused("NoSuchEntity", iam.get_role_policy, RoleName="trips", PolicyName="inline")
    iam.delete_policy(PolicyArn=arn)
    refused("NoSuchEntity", iam.get_policy, PolicyArn=arn)
    iam.delete_role(RoleName="trips")
    refused("NoSuchEntity", iam.get_role, RoleName="trips")
