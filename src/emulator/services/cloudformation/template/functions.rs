//! What the arguments of single functions say: they need no template and no values.

use serde_json::Value;

use super::invalid;
use crate::emulator::services::cloudformation::error::Error;

/// The resource and attribute of `Fn::GetAtt`.
///
/// # Errors
/// When it is malformed.
pub fn get_att(argument: &Value) -> Result<(String, Value), Error> {
    let malformed = || {
        invalid(
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute",
        )
    };
    match argument {
        Value::String(path) => {
            let (logical, attribute) = path.split_once('.').ok_or_else(malformed)?;
            Ok((logical.to_owned(), Value::from(attribute)))
        }
        Value::Array(parts) => match parts.as_slice() {
            [Value::String(logical), attribute] if !logical.is_empty() => Ok((logical.clone(), attribute.clone())),
            [Value::String(logical), path @ ..] if path.len() > 1 && path.iter().all(Value::is_string) => {
                let path: Vec<&str> = path.iter().filter_map(Value::as_str).collect();
                Ok((logical.clone(), Value::from(path.join("."))))
            }
            _ => Err(malformed()),
        },
        _ => Err(malformed()),
    }
}

/// A piece of a text for `Fn::Sub`.
pub enum Piece<'a> {
    /// As it stands.
    Text(&'a str),
    /// `${!Name}`: written as `${Name}`.
    Literal(&'a str),
    /// `${Name}` or `${Resource.Attribute}`.
    Name(&'a str),
}

/// Takes a text for `Fn::Sub` apart.
///
/// # Errors
/// When a name is malformed.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, Error> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        pieces.push(Piece::Text(before));
        let Some((name, tail)) = after.split_once('}') else {
            // An open brace that nothing closes is text.
            pieces.push(Piece::Text("${"));
            rest = after;
            continue;
        };
        rest = tail;
        if let Some(literal) = name.strip_prefix('!') {
            pieces.push(Piece::Literal(literal));
            continue;
        }
        let name = name.trim();
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:_-".contains(&byte));
        if !is_name {
            return Err(invalid(format!(
                "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, and colons: ${{{name}}}"
            )));
        }
        pieces.push(Piece::Name(name));
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

pub(super) fn cidr(block: &str, count: &str, bits: &str) -> Result<Value, Error> {
    let malformed = || invalid(format!("Template error: Fn::Cidr cannot divide {block} into {count} of {bits} bits"));
    let (address, prefix) = block.split_once('/').ok_or_else(malformed)?;
    let address: std::net::Ipv4Addr = address.parse().map_err(|_| malformed())?;
    let prefix: u32 = prefix.parse().map_err(|_| malformed())?;
    let (count, bits): (u32, u32) = (count.parse().map_err(|_| malformed())?, bits.parse().map_err(|_| malformed())?);
    let host = 32_u32.checked_sub(prefix).ok_or_else(malformed)?;
    if !(1..=256).contains(&count) || bits == 0 || bits > host || u64::from(count) > 1_u64 << (host - bits) {
        return Err(malformed());
    }
    let base = u64::from(u32::from(address)) >> host << host;
    let blocks = (0..u64::from(count)).map(|index| {
        let start = u32::try_from(base + (index << bits)).unwrap_or(u32::MAX);
        format!("{}/{}", std::net::Ipv4Addr::from(start), 32 - bits)
    });
    Ok(blocks.collect())
}
