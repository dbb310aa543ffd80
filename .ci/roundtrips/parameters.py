"""AWS Systems Manager parameters, and AWS STS."""
from . import pages, refused


def run(client):
    ssm, sts = client("ssm"), client("sts")
    first = ssm.put_parameter(Name="/trips/a", Value="1", Type="String", Description="d", Tags=[{"Key": "k", "Value": "v"}])
    assert (first["Version"], first["Tier"]) == (1, "Standard")
    refused("ParameterAlreadyExists", ssm.put_parameter, Name="/trips/a", Value="2", Type="String")
    assert ssm.put_parameter(Name="/trips/a", Value="2", Overwrite=True)["Version"] == 2
    ssm.put_parameter(Name="/trips/b/c", Value="x,y", Type="StringList")
    ssm.put_parameter(Name="/trips/s", Value="secret", Type="SecureString")
    got = ssm.get_parameter(Name="/trips/a")["Parameter"]
    assert (got["Value"], got["Version"], got["Type"], got["DataType"]) == ("2", 2, "String", "text"), got
    assert got["ARN"].endswith(":parameter/trips/a")
    assert ssm.get_parameter(Name="/trips/s", WithDecryption=True)["Parameter"]["Value"] == "secret"
    assert ssm.get_parameter(Name="/trips/s")["Parameter"]["Value"] != "secret"
    many = ssm.get_parameters(Names=["/trips/a", "/trips/none"])
    assert [p["Value"] for p in many["Parameters"]] == ["2"] and many["InvalidParameters"] == ["/trips/none"]
    below = lambda **more: {p["Name"] for p in pages(ssm, "get_parameters_by_path", "Parameters", Path="/trips", **more)}
    assert below() == {"/trips/a", "/trips/s"} and below(Recursive=True) == {"/trips/a", "/trips/b/c", "/trips/s"}
    described = pages(ssm, "describe_parameters", "Parameters", ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": ["/trips/"]}])
    assert {p["Name"]: p["Type"] for p in described} == {"/trips/a": "String", "/trips/b/c": "StringList", "/trips/s": "SecureString"}
    resource = {"ResourceType": "Parameter", "ResourceId": "/trips/a"}
    ssm.add_tags_to_resource(**resource, Tags=[{"Key": "l", "Value": "w"}])
    ssm.remove_tags_from_resource(**resource, TagKeys=["k"])
    assert ssm.list_tags_for_resource(**resource)["TagList"] == [{"Key": "l", "Value": "w"}]
    ssm.delete_parameter(Name="/trips/a")
    refused("ParameterNotFound", ssm.get_parameter, Name="/trips/a")
    refused("ParameterNotFound", ssm.delete_parameter, Name="/trips/a")
    gone = ssm.delete_parameters(Names=["/trips/b/c", "/trips/s", "/trips/none"])
    assert set(gone["DeletedParameters"]) == {"/trips/b/c", "/trips/s"} and gone["InvalidParameters"] == ["/trips/none"]

    role = sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/trips", RoleSessionName="session")
    assert role["AssumedRoleUser"]["Arn"] == "arn:aws:sts::000000000000:assumed-role/trips/session", role
    assert role["Credentials"]["SessionToken"] and role["Credentials"]["Expiration"].tzinfo
    assert sts.get_caller_identity()["Account"] == "000000000000"
