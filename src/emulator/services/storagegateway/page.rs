//! Pages of lists: a marker is the id of the first entry that is still to come.

use super::error::Error;

/// Entries of a page when nobody says how many, and at the most.
const MOST: usize = 100;

/// The page of `entries` that begins at `marker`, and the marker of the next one.
///
/// # Errors
/// For a limit or a marker that there is not.
pub fn page<T>(
    entries: Vec<(String, T)>,
    limit: Option<i64>,
    marker: Option<&str>,
) -> Result<(Vec<T>, Option<String>), Error> {
    let most = match limit {
        None => MOST,
        Some(limit) if limit < 1 => {
            let constraint = "Member must have value greater than or equal to 1".to_owned();
            return Err(Error::Constraint { member: "limit", value: limit.to_string(), constraint });
        }
        Some(limit) => usize::try_from(limit).unwrap_or(MOST).min(MOST),
    };
    let start = match marker {
        None => 0,
        Some(marker) => entries
            .iter()
            .position(|(id, _)| id == marker)
            .ok_or_else(|| Error::parameter("The specified marker is not valid: pass the one of the last answer."))?,
    };
    let next = entries.get(start + most).map(|(id, _)| id.clone());
    Ok((entries.into_iter().skip(start).take(most).map(|(_, entry)| entry).collect(), next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_to_the_end() {
        let entries = || (0..5).map(|n| (format!("id-{n}"), n)).collect::<Vec<_>>();
        let (mut all, mut marker) = (Vec::new(), None);
        for _ in 0..3 {
            let (page, next) = page(entries(), Some(2), marker.as_deref()).expect("a page");
            all.extend(page);
            marker = next;
        }
        assert_eq!((all, marker), (vec![0, 1, 2, 3, 4], None));
        assert!(page(entries(), Some(0), None).is_err());
        assert!(page(entries(), None, Some("id-9")).is_err());
        assert_eq!(page(entries(), Some(i64::MAX), None).expect("all").0.len(), 5);
    }
}
