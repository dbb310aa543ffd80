//! Tags of anything, and key pairs, which are little more than a name.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::describe::{Filter, page, wanted};
use super::error::Error;
use super::input::Input;
use super::kind::KEY_PAIR;
use super::store::{Work, check_count, pairs};
use super::table::{Operation, op};
use super::view;

pub const OPERATIONS: &[Operation] = &[
    op("CreateTags", &["ResourceId", "Tag"], create_tags),
    op("DeleteTags", &["ResourceId", "Tag"], delete_tags),
    op("DescribeTags", &[], describe_tags),
    op("ImportKeyPair", &["KeyName", "PublicKeyMaterial"], import_key),
    op("DescribeKeyPairs", &["KeyName", "KeyPairId", "IncludePublicKey"], describe_keys),
    op("DeleteKeyPair", &["KeyName", "KeyPairId"], delete_key),
];

fn resources(work: &mut Work<'_>, input: Input<'_>) -> Result<Vec<String>, Error> {
    let ids = input.texts("ResourceId");
    if ids.is_empty() {
        return Err(Error::missing("resourceIdSet"));
    }
    for id in &ids {
        if work.store.any_mut(id).is_none() {
            return Err(Error::new("InvalidID", format!("The ID '{id}' is not valid")));
        }
    }
    Ok(ids)
}

fn create_tags(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let tags = pairs(input)?;
    if tags.is_empty() {
        return Err(Error::missing("tagSet"));
    }
    let ids = resources(work, input)?;
    for id in &ids {
        let mut merged = work.store.any_mut(id).map(|one| one.tags.clone()).unwrap_or_default();
        merged.extend(tags.clone());
        check_count(&merged)?;
    }
    for id in ids {
        if let Some(resource) = work.store.any_mut(&id) {
            resource.tags.extend(tags.clone());
        }
    }
    Ok(json!({ "Return": true }))
}

fn delete_tags(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let wanted = input.objects("Tag");
    for id in resources(work, input)? {
        let Some(resource) = work.store.any_mut(&id) else { continue };
        if wanted.is_empty() {
            resource.tags.clear();
        }
        for tag in &wanted {
            let key = tag.text("Key").unwrap_or_default();
            // With a value, the tag goes only when it has that one.
            let fits = tag
                .0
                .get("Value")
                .and_then(Value::as_str)
                .is_none_or(|value| resource.tags.get(&key).is_some_and(|own| own == value));
            if fits {
                resource.tags.remove(&key);
            }
        }
    }
    Ok(json!({ "Return": true }))
}

fn describe_tags(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    const FILTERS: [(&str, &str); 4] =
        [("key", "Key"), ("resource-id", "ResourceId"), ("resource-type", "ResourceType"), ("value", "Value")];
    let filters = Filter::read(input)?;
    filters.iter().try_for_each(|filter| filter.check(&FILTERS))?;
    let all = work.store.all().flat_map(|one| {
        one.tags.iter().map(
            |(key, value)| json!({ "Key": key, "ResourceId": one.id, "ResourceType": one.kind.name, "Value": value }),
        )
    });
    page("Tags", all.filter(|tag| filters.iter().all(|filter| filter.accepts(&FILTERS, tag))).collect(), input)
}

fn import_key(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let name = input.required("KeyName")?;
    if work.store.of(&KEY_PAIR).any(|one| one.is("KeyName", &name)) {
        return Err(Error::new("InvalidKeyPair.Duplicate", format!("The keypair already exists: {name}")));
    }
    let material = input.required("PublicKeyMaterial")?;
    let invalid = || Error::new("InvalidKey.Format", "Key is not in valid OpenSSH public key format");
    let text = STANDARD.decode(material.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.unwrap_or(material);
    let mut words = text.split_whitespace();
    let kind = match words.next() {
        Some("ssh-rsa") => "rsa",
        Some("ssh-ed25519") => "ed25519",
        _ => return Err(invalid()),
    };
    let blob = words.next().and_then(|blob| STANDARD.decode(blob).ok()).ok_or_else(invalid)?;
    let fingerprint: Vec<String> = Md5::digest(&blob).iter().map(|byte| format!("{byte:02x}")).collect();
    let body = json!({
        "KeyName": name, "KeyType": kind, "KeyFingerprint": fingerprint.join(":"), "CreateTime": work.now.iso_millis(),
    });
    let key = work.add(&KEY_PAIR, &body, input)?;
    key.hidden = json!({ "PublicKey": text });
    let id = key.id.clone();
    Ok(view::of(work.store, work.store.get(&KEY_PAIR, &id)?))
}

fn describe_keys(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let names = input.texts("KeyName");
    let mut found = wanted(work.store, &KEY_PAIR, input)?;
    if let Some(missing) = names.iter().find(|name| !found.iter().any(|one| one["KeyName"] == name.as_str())) {
        return Err(KEY_PAIR.not_found(missing));
    }
    found.retain(|one| names.is_empty() || names.iter().any(|name| one["KeyName"] == name.as_str()));
    if input.flag("IncludePublicKey")? == Some(true) {
        for one in &mut found {
            let id = one["KeyPairId"].as_str().unwrap_or_default();
            one["PublicKey"] = work.store.get(&KEY_PAIR, id)?.hidden["PublicKey"].clone();
        }
    }
    Ok(json!({ "KeyPairs": found }))
}

/// As on AWS, deleting a key that is not there is no error.
fn delete_key(work: &mut Work<'_>, input: Input<'_>) -> Result<Value, Error> {
    let (name, id) = (input.text("KeyName"), input.text("KeyPairId"));
    if name.is_none() && id.is_none() {
        return Err(Error::missing("keyName"));
    }
    let fits = |one: &super::store::Resource| {
        name.as_ref().is_some_and(|name| one.is("KeyName", name)) || id.as_ref() == Some(&one.id)
    };
    let found = work.store.of(&KEY_PAIR).find(|one| fits(one)).map(|one| one.id.clone());
    if let Some(id) = &found {
        work.store.remove(id);
    }
    Ok(json!({ "Return": true, "KeyPairId": found }))
}
