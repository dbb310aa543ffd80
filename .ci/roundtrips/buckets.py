"""Amazon S3."""
import hashlib
import json

from . import pages, refused

PART = 5 << 20


def configurations(s3, name):
    """Each configuration of a bucket: put, got, and deleted where it can be."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"}]})
    s3.put_bucket_policy(Bucket=name, Policy=policy)
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]) == json.loads(policy)
    s3.delete_bucket_policy(Bucket=name)
    refused("NoSuchBucketPolicy", s3.get_bucket_policy, Bucket=name)

    tags = [{"Key": "k", "Value": "é"}]
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=name)
    refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket=name)

    cors = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 5}]
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": cors})
    assert s3.get_bucket_cors(Bucket=name)["CORSRules"] == cors
    s3.delete_bucket_cors(Bucket=name)
    refused("NoSuchCORSConfiguration", s3.get_bucket_cors, Bucket=name)

    rules = [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 3}}]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"] == rules
    s3.delete_bucket_lifecycle(Bucket=name)
    refused("NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket=name)

    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}]}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=encryption)
    shown = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert shown["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}, shown
    s3.delete_bucket_encryption(Bucket=name)

    ownership = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=ownership)
    assert s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"] == ownership
    s3.delete_bucket_ownership_controls(Bucket=name)
    refused("OwnershipControlsNotFoundError", s3.get_bucket_ownership_controls, Bucket=name)

    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
    assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == block
    s3.delete_public_access_block(Bucket=name)
    refused("NoSuchPublicAccessBlockConfiguration", s3.get_public_access_block, Bucket=name)

    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    assert s3.get_bucket_notification_configuration(Bucket=name)["EventBridgeConfiguration"] == {}
    assert s3.get_bucket_versioning(Bucket=name).get("Status") is None
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    assert s3.get_bucket_versioning(Bucket=name).get("Status") in (None, "Suspended")
    assert s3.get_bucket_acl(Bucket=name)["Grants"][0]["Permission"] == "FULL_CONTROL"


def multipart(s3, name):
    upload = s3.create_multipart_upload(Bucket=name, Key="big", Metadata={"m": "1"})["UploadId"]
    assert [u["UploadId"] for u in pages(s3, "list_multipart_uploads", "Uploads", Bucket=name)] == [upload]
    first = s3.upload_part(Bucket=name, Key="big", UploadId=upload, PartNumber=1, Body=b"a" * PART)["ETag"]
    copied = s3.upload_part_copy(Bucket=name, Key="big", UploadId=upload, PartNumber=2, CopySource={"Bucket": name, "Key": "a b/é"},
                                 CopySourceRange="bytes=1-3")["CopyPartResult"]["ETag"]
    listed = pages(s3, "list_parts", "Parts", Bucket=name, Key="big", UploadId=upload)
    assert [(p["PartNumber"], p["Size"], p["ETag"]) for p in listed] == [(1, PART, first), (2, 3, copied)]
    refused("InvalidPart", s3.complete_multipart_upload, Bucket=name, Key="big", UploadId=upload,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"0"'}]})
    done = s3.complete_multipart_upload(Bucket=name, Key="big", UploadId=upload,
                                        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": copied}]})
    digests = [bytes.fromhex(tag.strip('"')) for tag in (first, copied)]
    assert done["ETag"] == f'"{hashlib.md5(b"".join(digests)).hexdigest()}-2"', done
    head = s3.head_object(Bucket=name, Key="big")
    assert (head["ContentLength"], head["Metadata"]) == (PART + 3, {"m": "1"})
    assert s3.get_object(Bucket=name, Key="big", Range=f"bytes={PART - 1}-")["Body"].read() == b"aody"
    given_up = s3.create_multipart_upload(Bucket=name, Key="never")["UploadId"]
    s3.abort_multipart_upload(Bucket=name, Key="never", UploadId=given_up)
    refused("NoSuchUpload", s3.list_parts, Bucket=name, Key="never", UploadId=given_up)


def run(client):
    s3, name = client("s3"), "trips-bucket"
    s3.create_bucket(Bucket=name)
    assert name in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "us-east-1"
    configurations(s3, name)

    body = "body é".encode()
    put = s3.put_object(Bucket=name, Key="a b/é", Body=body, ContentType="text/x", Metadata={"k": "v"}, Tagging="t=1", CacheControl="no-store")
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=name, Key="a b/é")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"], got["CacheControl"]) == (body, "text/x", {"k": "v"}, "no-store")
    refused("NoSuchKey", s3.get_object, Bucket=name, Key="none")
    refused("404", s3.head_object, Bucket=name, Key="none")
    refused("PreconditionFailed", s3.put_object, Bucket=name, Key="a b/é", Body=b"", IfNoneMatch="*")
    refused("InvalidRange", s3.get_object, Bucket=name, Key="a b/é", Range="bytes=100-")
    tags = s3.get_object_tagging(Bucket=name, Key="a b/é")["TagSet"]
    assert tags == [{"Key": "t", "Value": "1"}], tags
    s3.put_object_tagging(Bucket=name, Key="a b/é", Tagging={"TagSet": [{"Key": "u", "Value": "2"}]})
    assert s3.get_object_tagging(Bucket=name, Key="a b/é")["TagSet"] == [{"Key": "u", "Value": "2"}]
    s3.delete_object_tagging(Bucket=name, Key="a b/é")
    assert s3.get_object_tagging(Bucket=name, Key="a b/é")["TagSet"] == []
    assert s3.get_object_acl(Bucket=name, Key="a b/é")["Grants"][0]["Permission"] == "FULL_CONTROL"
    about = s3.get_object_attributes(Bucket=name, Key="a b/é", ObjectAttributes=["ETag", "ObjectSize"])
    assert (about["ETag"], about["ObjectSize"]) == (put["ETag"].strip('"'), len(body)), about
    multipart(s3, name)

    copy = s3.copy_object(Bucket=name, Key="copy", CopySource={"Bucket": name, "Key": "a b/é"})["CopyObjectResult"]
    assert copy["ETag"] == put["ETag"] and s3.get_object(Bucket=name, Key="copy")["Metadata"] == {"k": "v"}
    for n in range(5):
        s3.put_object(Bucket=name, Key=f"list/{n}/x", Body=b"")
    for operation in ("list_objects", "list_objects_v2"):
        found = pages(s3, operation, "Contents", Bucket=name, Prefix="list/", PaginationConfig={"PageSize": 2})
        assert [o["Key"] for o in found] == [f"list/{n}/x" for n in range(5)], (operation, found)
        assert pages(s3, operation, "CommonPrefixes", Bucket=name, Delimiter="/") == [{"Prefix": "a b/"}, {"Prefix": "list/"}]
    versions = pages(s3, "list_object_versions", "Versions", Bucket=name, Prefix="list/")
    assert {v["VersionId"] for v in versions} == {"null"} and len(versions) == 5
    refused("BucketNotEmpty", s3.delete_bucket, Bucket=name)
    s3.delete_object(Bucket=name, Key="copy")
    keys = [o["Key"] for o in pages(s3, "list_objects_v2", "Contents", Bucket=name)]
    gone = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": key} for key in keys]})
    assert {d["Key"] for d in gone["Deleted"]} == set(keys) and not gone.get("Errors")
    # A bucket whose versioning is suspended keeps a marker of each deletion.
    left = [one for kind in ("Versions", "DeleteMarkers") for one in pages(s3, "list_object_versions", kind, Bucket=name)]
    assert left and not [one for one in left if one.get("Size")], left
    s3.delete_objects(Bucket=name, Delete={"Quiet": True, "Objects": [{"Key": o["Key"], "VersionId": o["VersionId"]} for o in left]})
    s3.delete_bucket(Bucket=name)
    refused("404", s3.head_bucket, Bucket=name)
    refused("NoSuchBucket", s3.list_objects_v2, Bucket=name)
