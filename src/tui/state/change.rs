//! A change set that waits for the user's word: what it does to each resource, and what of it cannot be undone.

use serde::{Deserialize, Serialize};

use crate::model::preview::{ChangePreview, ChangeRow};

/// A change set that waits for the user's word.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Waiting {
    /// [`StackOffer::id`](super::StackOffer::id).
    pub(crate) offer: String,
    /// What it does, what loses data first.
    pub(crate) preview: ChangePreview,
    /// The parameters that were chosen for it in the form.
    #[serde(default)]
    pub(crate) parameters: Vec<(String, String)>,
}

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is made.
    Added,
    /// It is changed where it is.
    Changed,
    /// It is changed, and whether it is made anew shows only then.
    MaybeReplaced,
    /// It is made anew, and the old one is deleted.
    Replaced,
    /// It is deleted.
    Removed,
    /// Anything else, by the word that CloudFormation has for it.
    Other,
}

impl Fate {
    pub(crate) fn of(row: &ChangeRow) -> Self {
        match (row.action.as_str(), row.replacement.as_deref()) {
            ("Add", _) => Self::Added,
            ("Remove", _) => Self::Removed,
            ("Modify", Some("True")) => Self::Replaced,
            ("Modify", Some("Conditional")) => Self::MaybeReplaced,
            ("Modify", _) => Self::Changed,
            _ => Self::Other,
        }
    }
}

/// What a resource of a type holds that goes with it; `None` for what can be made again as it was.
fn holds(resource_type: &str) -> Option<&'static str> {
    match resource_type {
        "AWS::S3::Bucket" | "AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable" => Some("its data is lost"),
        "AWS::SQS::Queue" => Some("its messages are lost"),
        "AWS::Logs::LogGroup" => Some("its lines are lost"),
        _ => None,
    }
}

/// What is lost by a change, in words: `its data is lost`.
pub(crate) fn lost(row: &ChangeRow) -> Option<&'static str> {
    let goes = matches!(Fate::of(row), Fate::Replaced | Fate::MaybeReplaced | Fate::Removed);
    if goes { holds(&row.resource_type) } else { None }
}

/// The same as a sentence that names the resource: `replaces fileUploadBucket: its data is lost`.
pub(crate) fn loss(row: &ChangeRow) -> Option<String> {
    let lost = lost(row)?;
    let id = &row.logical_id;
    Some(match Fate::of(row) {
        Fate::MaybeReplaced => format!("may replace {id}: then {lost}"),
        Fate::Removed => format!("removes {id}: {lost}"),
        _ => format!("replaces {id}: {lost}"),
    })
}

impl Waiting {
    pub(crate) fn new(offer: String, mut preview: ChangePreview, parameters: Vec<(String, String)>) -> Self {
        preview.changes.sort_by_key(|row| lost(row).is_none());
        Self { offer, preview, parameters }
    }

    /// How many changes there are of some kinds.
    pub(crate) fn count(&self, of: &[Fate]) -> usize {
        self.preview.changes.iter().filter(|row| of.contains(&Fate::of(row))).count()
    }

    /// How many changes lose something.
    pub(crate) fn losses(&self) -> usize {
        self.preview.changes.iter().filter(|row| lost(row).is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(action: &str, id: &str, kind: &str, replacement: Option<&str>) -> ChangeRow {
        ChangeRow {
            action: action.to_owned(),
            logical_id: id.to_owned(),
            resource_type: format!("AWS::{kind}"),
            replacement: replacement.map(str::to_owned),
        }
    }

    #[test]
    fn what_holds_data_is_warned_of_when_it_goes() {
        let loss_of = |action, kind, replacement| loss(&row(action, "x", kind, replacement));
        assert_eq!(
            loss_of("Modify", "S3::Bucket", Some("True")).as_deref(),
            Some("replaces x: its data is lost"),
            "a bucket that is made anew is empty"
        );
        assert_eq!(loss_of("Remove", "DynamoDB::Table", None).as_deref(), Some("removes x: its data is lost"));
        assert_eq!(
            loss_of("Modify", "DynamoDB::Table", Some("Conditional")).as_deref(),
            Some("may replace x: then its data is lost")
        );
        for (action, kind, replacement) in [
            ("Add", "S3::Bucket", None),
            ("Modify", "S3::Bucket", Some("False")),
            ("Modify", "S3::Bucket", None),
            ("Remove", "IAM::Role", None),
            ("Modify", "Lambda::Function", Some("True")),
            ("Dynamic", "S3::Bucket", None),
        ] {
            assert_eq!(loss_of(action, kind, replacement), None, "{action} {kind} {replacement:?}");
        }
    }

    #[test]
    fn what_loses_data_comes_first_and_the_rest_stays_in_order() {
        let changes = vec![
            row("Add", "a", "SQS::Queue", None),
            row("Modify", "b", "Lambda::Function", Some("False")),
            row("Remove", "c", "DynamoDB::Table", None),
            row("Modify", "d", "S3::Bucket", Some("True")),
        ];
        let preview = ChangePreview { stack: "s".to_owned(), is_new: false, changes };
        let waiting = Waiting::new("o".to_owned(), preview, Vec::new());
        let ids: Vec<&str> = waiting.preview.changes.iter().map(|row| row.logical_id.as_str()).collect();
        assert_eq!(ids, ["c", "d", "a", "b"]);
        assert_eq!((waiting.losses(), waiting.count(&[Fate::Changed, Fate::Replaced])), (2, 2));
    }
}
