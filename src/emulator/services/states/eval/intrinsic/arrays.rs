//! Intrinsic functions on arrays.

use serde_json::Value;

use super::super::super::choice::equal;

/// Elements that `States.ArrayRange` makes at most.
const LONGEST_RANGE: usize = 1_000;

pub(super) fn partition(list: &[Value], size: i64) -> Result<Value, String> {
    let size = usize::try_from(size).ok().filter(|size| *size > 0);
    let size = size.ok_or_else(|| "the chunk size must be a positive integer".to_owned())?;
    Ok(list.chunks(size).map(|chunk| Value::from(chunk.to_vec())).collect())
}

pub(super) fn contains(list: &[Value], item: &Value) -> bool {
    list.iter().any(|known| equal(known, item))
}

pub(super) fn range(first: i64, last: i64, step: i64) -> Result<Value, String> {
    if step == 0 {
        return Err("the step must not be 0".to_owned());
    }
    let inside = |value: i64| if step > 0 { value <= last } else { value >= last };
    let mut values = Vec::new();
    let mut next = Some(first);
    while let Some(value) = next.filter(|value| inside(*value)) {
        if values.len() == LONGEST_RANGE {
            return Err(format!("the array would have more than {LONGEST_RANGE} elements"));
        }
        values.push(Value::from(value));
        next = value.checked_add(step);
    }
    Ok(Value::Array(values))
}

pub(super) fn item(list: &[Value], index: i64) -> Result<Value, String> {
    let found = usize::try_from(index).ok().and_then(|index| list.get(index));
    found.cloned().ok_or_else(|| format!("the index {index} is outside the array of {} elements", list.len()))
}

pub(super) fn unique(list: &[Value]) -> Value {
    let mut kept: Vec<Value> = Vec::with_capacity(list.len());
    for item in list {
        if !contains(&kept, item) {
            kept.push(item.clone());
        }
    }
    Value::Array(kept)
}
