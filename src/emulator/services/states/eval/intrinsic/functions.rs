//! The table of intrinsic functions, and those on numbers, objects and ids.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Number, Value};

use super::{Given, arrays, text};
use crate::emulator::Fabric;

/// An intrinsic function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Array,
    ArrayPartition,
    ArrayContains,
    ArrayRange,
    ArrayGetItem,
    ArrayLength,
    ArrayUnique,
    Base64Encode,
    Base64Decode,
    Hash,
    JsonMerge,
    StringToJson,
    JsonToString,
    MathRandom,
    MathAdd,
    StringSplit,
    Uuid,
    Format,
}

impl Function {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.trim().strip_prefix("States.")? {
            "Array" => Self::Array,
            "ArrayPartition" => Self::ArrayPartition,
            "ArrayContains" => Self::ArrayContains,
            "ArrayRange" => Self::ArrayRange,
            "ArrayGetItem" => Self::ArrayGetItem,
            "ArrayLength" => Self::ArrayLength,
            "ArrayUnique" => Self::ArrayUnique,
            "Base64Encode" => Self::Base64Encode,
            "Base64Decode" => Self::Base64Decode,
            "Hash" => Self::Hash,
            "JsonMerge" => Self::JsonMerge,
            "StringToJson" => Self::StringToJson,
            "JsonToString" => Self::JsonToString,
            "MathRandom" => Self::MathRandom,
            "MathAdd" => Self::MathAdd,
            "StringSplit" => Self::StringSplit,
            "UUID" => Self::Uuid,
            "Format" => Self::Format,
            _ => return None,
        })
    }

    /// Whether the function takes so many arguments.
    pub(super) fn takes(self, count: usize) -> bool {
        match self {
            Self::Array => true,
            Self::Format => count >= 1,
            Self::Uuid => count == 0,
            Self::ArrayLength
            | Self::ArrayUnique
            | Self::Base64Encode
            | Self::Base64Decode
            | Self::StringToJson
            | Self::JsonToString => count == 1,
            Self::ArrayPartition
            | Self::ArrayContains
            | Self::ArrayGetItem
            | Self::Hash
            | Self::MathAdd
            | Self::StringSplit => count == 2,
            Self::ArrayRange | Self::JsonMerge => count == 3,
            Self::MathRandom => count == 2 || count == 3,
        }
    }

    pub(super) fn apply(self, given: &[Given], fabric: &Fabric) -> Result<Value, String> {
        match (self, given) {
            (Self::Array, all) => Ok(all.iter().map(|given| given.value.clone()).collect()),
            (Self::ArrayPartition, [list, size]) => arrays::partition(list.array()?, size.integer()?),
            (Self::ArrayContains, [list, item]) => Ok(Value::from(arrays::contains(list.array()?, &item.value))),
            (Self::ArrayRange, [first, last, step]) => {
                arrays::range(first.integer()?, last.integer()?, step.integer()?)
            }
            (Self::ArrayGetItem, [list, index]) => arrays::item(list.array()?, index.integer()?),
            (Self::ArrayLength, [list]) => Ok(Value::from(list.array()?.len())),
            (Self::ArrayUnique, [list]) => Ok(arrays::unique(list.array()?)),
            (Self::Base64Encode, [data]) => text::base64_encode(data.text()?),
            (Self::Base64Decode, [data]) => text::base64_decode(data.text()?),
            (Self::Hash, [data, algorithm]) => text::hash(&data.value, algorithm.text()?),
            (Self::JsonMerge, [first, second, deep]) => merge(&first.value, &second.value, &deep.value),
            (Self::StringToJson, [text]) => text::parse_json(text.text()?),
            (Self::JsonToString, [value]) => Ok(Value::from(value.value.to_string())),
            (Self::MathRandom, [first, end]) => between(first.number()?, end.number()?, fabric.fraction()),
            (Self::MathRandom, [first, end, seed]) => {
                let seed = seed.integer()?.cast_unsigned();
                between(first.number()?, end.number()?, StdRng::seed_from_u64(seed).random())
            }
            (Self::MathAdd, [first, second]) => first
                .integer()?
                .checked_add(second.integer()?)
                .map(Value::from)
                .ok_or_else(|| "the sum is out of range".to_owned()),
            (Self::StringSplit, [text, separators]) => Ok(text::split(text.text()?, separators.text()?)),
            (Self::Uuid, []) => Ok(Value::from(fabric.uuid())),
            (Self::Format, [template, values @ ..]) => {
                text::format(template.written.as_deref(), template.text()?, values.iter().map(|given| &given.value))
            }
            _ => Err("wrong number of arguments".to_owned()),
        }
    }
}

impl Given {
    fn array(&self) -> Result<&[Value], String> {
        self.value.as_array().map(Vec::as_slice).ok_or_else(|| format!("an array is expected, not {}", self.value))
    }

    fn text(&self) -> Result<&str, String> {
        self.value.as_str().ok_or_else(|| format!("a string is expected, not {}", self.value))
    }

    fn number(&self) -> Result<&Number, String> {
        self.value.as_number().ok_or_else(|| format!("a number is expected, not {}", self.value))
    }

    /// The number, rounded to an integer.
    fn integer(&self) -> Result<i64, String> {
        let number = self.number()?;
        number.as_i64().or_else(|| number.as_f64().and_then(rounded)).ok_or_else(|| format!("{number} is out of range"))
    }
}

fn rounded(number: f64) -> Option<i64> {
    let rounded = (number + 0.5).floor();
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    (rounded.abs() < 9.0e15).then_some(rounded as i64)
}

/// An integer in `first..end`, drawn by `fraction` of `0.0..1.0`.
fn between(first: &Number, end: &Number, fraction: f64) -> Result<Value, String> {
    let bound = |number: &Number| number.as_f64().and_then(rounded).ok_or_else(|| format!("{number} is out of range"));
    let (first, end) = (bound(first)?, bound(end)?);
    if end <= first {
        return Err("the end number must be greater than the start number".to_owned());
    }
    #[expect(clippy::cast_precision_loss, reason = "the bounds are below 2^53")]
    let drawn = rounded(((end - first) as f64 * fraction).floor()).unwrap_or_default();
    Ok(Value::from(first + drawn.min(end - first - 1)))
}

fn merge(first: &Value, second: &Value, deep: &Value) -> Result<Value, String> {
    if deep != &Value::Bool(false) {
        return Err("only shallow merging is supported: the third argument must be false".to_owned());
    }
    let (Value::Object(first), Value::Object(second)) = (first, second) else {
        return Err("both values must be JSON objects".to_owned());
    };
    let mut merged = first.clone();
    merged.extend(second.clone());
    Ok(Value::Object(merged))
}
