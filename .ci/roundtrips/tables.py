"""Amazon DynamoDB."""
from . import pages, refused, until


def run(client):
    db = client("dynamodb")
    key = [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}]
    types = [{"AttributeName": "p", "AttributeType": "S"}, {"AttributeName": "s", "AttributeType": "N"}]
    made = db.create_table(TableName="trips", KeySchema=key, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST",
                           Tags=[{"Key": "a", "Value": "1"}])["TableDescription"]
    db.get_waiter("table_exists").wait(TableName="trips", WaiterConfig={"Delay": 1})
    refused("ResourceInUseException", db.create_table, TableName="trips", KeySchema=key, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")
    arn = db.describe_table(TableName="trips")["Table"]["TableArn"]
    assert arn == made["TableArn"] and "trips" in pages(db, "list_tables", "TableNames")
    db.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    db.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert db.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]

    item = {"p": {"S": "x"}, "s": {"N": "1"}, "b": {"B": b"\x00\xff"}, "l": {"L": [{"NULL": True}, {"BOOL": False}]},
            "m": {"M": {"é": {"N": "1.50"}}}, "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2"]}}
    db.put_item(TableName="trips", Item=item)
    got = db.get_item(TableName="trips", Key={"p": {"S": "x"}, "s": {"N": "1.0"}}, ConsistentRead=True)["Item"]
    assert got["b"] == item["b"] and got["l"] == item["l"] and got["m"] == {"M": {"é": {"N": "1.5"}}} and set(got["ss"]["SS"]) == {"a", "b"}, got
    refused("ConditionalCheckFailedException", db.put_item, TableName="trips", Item=item, ConditionExpression="attribute_not_exists(p)")
    refused("ValidationException", db.put_item, TableName="trips", Item={"p": {"S": "x"}})
    refused("ResourceNotFoundException", db.get_item, TableName="trips-none", Key={"p": {"S": "x"}})
    changed = db.update_item(TableName="trips", Key={"p": {"S": "x"}, "s": {"N": "1"}}, ReturnValues="UPDATED_NEW",
                             UpdateExpression="SET n = if_not_exists(n, :z) + :one REMOVE m ADD ns :more DELETE ss :less",
                             ExpressionAttributeValues={":z": {"N": "0"}, ":one": {"N": "1"}, ":more": {"NS": ["3"]}, ":less": {"SS": ["a"]}})
    assert changed["Attributes"]["n"] == {"N": "1"} and changed["Attributes"]["ss"] == {"SS": ["b"]}, changed
    written = db.batch_write_item(RequestItems={"trips": [{"PutRequest": {"Item": {"p": {"S": "x"}, "s": {"N": str(n)}}}} for n in range(2, 22)]})
    assert not written["UnprocessedItems"]
    query = pages(db, "query", "Items", TableName="trips", KeyConditionExpression="p = :p AND s BETWEEN :a AND :b", ScanIndexForward=False,
                  ExpressionAttributeValues={":p": {"S": "x"}, ":a": {"N": "3"}, ":b": {"N": "12"}}, PaginationConfig={"PageSize": 4})
    assert [i["s"]["N"] for i in query] == [str(n) for n in range(12, 2, -1)]
    assert len(pages(db, "scan", "Items", TableName="trips", PaginationConfig={"PageSize": 7})) == 21
    keys = [{"p": {"S": "x"}, "s": {"N": n}} for n in ("2", "3", "99")]
    assert len(db.batch_get_item(RequestItems={"trips": {"Keys": keys}})["Responses"]["trips"]) == 2

    db.transact_write_items(TransactItems=[
        {"Delete": {"TableName": "trips", "Key": keys[0]}}, {"Put": {"TableName": "trips", "Item": {**keys[2], "t": {"BOOL": True}}}},
        {"ConditionCheck": {"TableName": "trips", "Key": keys[1], "ConditionExpression": "attribute_exists(p)"}}])
    both = db.transact_get_items(TransactItems=[{"Get": {"TableName": "trips", "Key": k}} for k in (keys[0], keys[2])])["Responses"]
    assert [one.get("Item", {}).get("t") for one in both] == [None, {"BOOL": True}], both
    refused("TransactionCanceledException", db.transact_write_items, TransactItems=[
        {"Put": {"TableName": "trips", "Item": keys[2], "ConditionExpression": "attribute_not_exists(p)"}}])
    select = db.execute_statement(Statement='SELECT * FROM "trips" WHERE p = ? AND s = ?', Parameters=[{"S": "x"}, {"N": "99"}])["Items"]
    assert [i["t"] for i in select] == [{"BOOL": True}], select
    many = db.batch_execute_statement(Statements=[
        {"Statement": "INSERT INTO \"trips\" VALUE {'p': 'y', 's': 1}"}, {"Statement": "DELETE FROM \"trips\" WHERE p = 'x' AND s = 3"}])["Responses"]
    assert not [one for one in many if "Error" in one], many
    db.execute_transaction(TransactStatements=[{"Statement": "UPDATE \"trips\" SET v = 2 WHERE p = 'y' AND s = 1"}])
    assert db.get_item(TableName="trips", Key={"p": {"S": "y"}, "s": {"N": "1"}})["Item"]["v"] == {"N": "2"}
    old = db.delete_item(TableName="trips", Key={"p": {"S": "y"}, "s": {"N": "1"}}, ReturnValues="ALL_OLD")["Attributes"]
    assert old["v"] == {"N": "2"} and "Item" not in db.get_item(TableName="trips", Key={"p": {"S": "y"}, "s": {"N": "1"}})

    lives = db.update_time_to_live(TableName="trips", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    assert lives["TimeToLiveSpecification"] == {"Enabled": True, "AttributeName": "until"}
    shown = db.describe_time_to_live(TableName="trips")["TimeToLiveDescription"]
    assert shown == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}, shown
    db.update_continuous_backups(TableName="trips", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    backups = db.describe_continuous_backups(TableName="trips")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED", backups
    assert db.describe_limits()["AccountMaxReadCapacityUnits"] > 0
    db.update_table(TableName="trips", AttributeDefinitions=types + [{"AttributeName": "g", "AttributeType": "S"}],
                    GlobalSecondaryIndexUpdates=[{"Create": {"IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                                                             "Projection": {"ProjectionType": "ALL"}}}])
    until(lambda: [i["IndexStatus"] for i in db.describe_table(TableName="trips")["Table"].get("GlobalSecondaryIndexes", [])] == ["ACTIVE"], "the index")
    db.put_item(TableName="trips", Item={"p": {"S": "z"}, "s": {"N": "1"}, "g": {"S": "found"}})
    found = db.query(TableName="trips", IndexName="by-g", KeyConditionExpression="g = :g", ExpressionAttributeValues={":g": {"S": "found"}})
    assert [i["p"] for i in found["Items"]] == [{"S": "z"}]
    db.delete_table(TableName="trips")
    db.get_waiter("table_not_exists").wait(TableName="trips", WaiterConfig={"Delay": 1})
