//! The form of a job: every field of one client's dataset and of its gateway, in groups. Numbers and texts are typed, choices
//! are turned.

use serde::{Deserialize, Serialize};
use tui_input::Input;

use super::super::JobRequest;
use super::gateway::ScenarioOffer;

/// The longest time that can be asked for: a day.
const MOST_MS: u64 = 86_400_000;

/// What is typed into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A whole number.
    Number,
    /// A whole number, or nothing.
    Optional,
    /// Seconds, to the millisecond.
    Seconds,
    /// Anything.
    Text,
    /// One of two words; the second one is what the request calls true.
    Choice([&'static str; 2]),
}

/// A field of the form, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Field {
    Files,
    Dirs,
    Seed,
    Missing,
    Smallest,
    Largest,
    Names,
    SetId,
    Manifest,
    Copy,
    Late,
    LateBy,
    Rewrites,
    RewriteGap,
    Settling,
    Speed,
    Order,
    Workers,
    Upload,
    Strict,
    Duplicates,
    DuplicateGap,
    Stuck,
    PartialFrom,
    Cache,
    OfflineFrom,
    OfflineFor,
}

impl Field {
    /// Every field, in the order of the form.
    pub(crate) const ALL: [Self; 27] = [
        Self::Files,
        Self::Dirs,
        Self::Seed,
        Self::Missing,
        Self::Smallest,
        Self::Largest,
        Self::Names,
        Self::SetId,
        Self::Manifest,
        Self::Copy,
        Self::Late,
        Self::LateBy,
        Self::Rewrites,
        Self::RewriteGap,
        Self::Settling,
        Self::Speed,
        Self::Order,
        Self::Workers,
        Self::Upload,
        Self::Strict,
        Self::Duplicates,
        Self::DuplicateGap,
        Self::Stuck,
        Self::PartialFrom,
        Self::Cache,
        Self::OfflineFrom,
        Self::OfflineFor,
    ];

    /// The name of the group that begins with it.
    pub(crate) const fn heading(self) -> Option<&'static str> {
        match self {
            Self::Files => Some("Dataset"),
            Self::Manifest => Some("Client"),
            Self::Settling => Some("Gateway"),
            _ => None,
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Files => "Files",
            Self::Dirs => "Directories",
            Self::Seed => "Seed",
            Self::Missing => "Missing files",
            Self::Smallest => "Smallest bytes",
            Self::Largest => "Largest bytes",
            Self::Names => "Names",
            Self::SetId => "Dataset id",
            Self::Manifest => "Manifest",
            Self::Copy => "Secs per copy",
            Self::Late => "Late files",
            Self::LateBy => "Late by secs",
            Self::Rewrites => "Written again",
            Self::RewriteGap => "Again after secs",
            Self::Settling => "Settling secs",
            Self::Speed => "Upload speed %",
            Self::Order => "Upload order",
            Self::Workers => "Uploads at a time",
            Self::Upload => "Secs per upload",
            Self::Strict => "Strict",
            Self::Duplicates => "Announced twice",
            Self::DuplicateGap => "Twice after secs",
            Self::Stuck => "Partial uploads",
            Self::PartialFrom => "In part from",
            Self::Cache => "Cache bytes",
            Self::OfflineFrom => "Offline from secs",
            Self::OfflineFor => "Offline for secs",
        }
    }

    /// What it means, for the line below.
    pub(crate) const fn hint(self) -> &'static str {
        match self {
            Self::Files => "besides the manifest",
            Self::Dirs => "below the root",
            Self::Seed => "what names, sizes and order are drawn from",
            Self::Missing => "stand in the manifest and never arrive",
            Self::Smallest => "of the smallest file",
            Self::Largest => "of the largest file",
            Self::Names => "plain, or of every kind: quotes, scripts, 900 bytes",
            Self::SetId => "empty: a new one; one that is there is vaulted again",
            Self::Manifest => "written after every file, or before the first",
            Self::Copy => "each file costs the client, besides its bytes",
            Self::Late => "are written after the manifest",
            Self::LateBy => "after the last usual write",
            Self::Rewrites => "files that the client writes a second time",
            Self::RewriteGap => "between the two writes of such a file",
            Self::Settling => "empty: the share's own settling time",
            Self::Speed => "100 is as usual",
            Self::Order => "the gateway's own, or one by one as they were written",
            Self::Workers => "in the order of the writes it is always one",
            Self::Upload => "each upload costs, besides its bytes",
            Self::Strict => "one notification after the other, so that runs are alike",
            Self::Duplicates => "come twice, and have one item each",
            Self::DuplicateGap => "between the two notifications of such a file",
            Self::Stuck => "files whose uploads never complete",
            Self::PartialFrom => "bytes: such files appear in part first; 0: none does",
            Self::Cache => "that wait for their upload at the most; empty: no bound",
            Self::OfflineFrom => "after the begin the connection is lost",
            Self::OfflineFor => "until it is back; 0: it is never lost",
        }
    }

    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Names => Kind::Choice(["plain", "hostile"]),
            Self::Manifest => Kind::Choice(["last", "early"]),
            Self::Order => Kind::Choice(["its own", "as written"]),
            Self::Strict => Kind::Choice(["no", "yes"]),
            Self::SetId => Kind::Text,
            Self::Settling | Self::Cache => Kind::Optional,
            Self::Copy
            | Self::LateBy
            | Self::RewriteGap
            | Self::Upload
            | Self::DuplicateGap
            | Self::OfflineFrom
            | Self::OfflineFor => Kind::Seconds,
            _ => Kind::Number,
        }
    }
}

/// What is wrong, and in which field.
type Wrong = (Field, String);

/// The form of a job.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct JobForm {
    /// The scenario that it was filled from, and what of that is left out.
    pub(crate) scenario: Option<(String, Vec<String>)>,
    values: Vec<Input>,
    /// The place of the field that has the keys.
    pub(crate) focus: usize,
    pub(crate) problem: Option<String>,
}

/// `2`, `0.005`: milliseconds as seconds.
fn seconds(ms: u64) -> String {
    let (secs, rest) = (ms / 1_000, ms % 1_000);
    if rest == 0 { secs.to_string() } else { format!("{secs}.{rest:03}").trim_end_matches('0').to_owned() }
}

/// Milliseconds of seconds as they are typed; `None` where they are no time, or a finer one.
fn milliseconds(typed: &str) -> Option<u64> {
    let (whole, part) = typed.split_once('.').unwrap_or((typed, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if part.len() > 3 || !is_number(whole) || !is_number(part) || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u64 = format!("{part:0<3}").parse().ok()?;
    whole.checked_mul(1_000)?.checked_add(part)
}

impl JobForm {
    pub(crate) fn new(job: &JobRequest) -> Self {
        let values = Field::ALL.into_iter().map(|field| Input::new(value(job, field))).collect();
        Self { values, ..Self::default() }
    }

    /// The form of a scenario's dataset, where that is known.
    pub(crate) fn of(offer: &ScenarioOffer) -> Option<Self> {
        let scenario = Some((offer.name.clone(), offer.left_out.clone()));
        Some(Self { scenario, ..Self::new(offer.job.as_ref()?) })
    }

    /// The field that has the keys.
    pub(crate) fn field(&self) -> Field {
        Field::ALL[self.focus.min(Field::ALL.len() - 1)]
    }

    /// What is typed in a field.
    pub(crate) fn value(&self, field: Field) -> &str {
        self.values.get(field as usize).map_or("", Input::value)
    }

    /// The input of the field that has the keys.
    pub(crate) fn input(&mut self) -> Option<&mut Input> {
        self.values.get_mut(self.focus)
    }

    /// The cursor's place in the field that has the keys, and how many of its characters lie before what is seen of it.
    pub(crate) fn cursor(&self, cells: usize) -> (usize, usize) {
        let Some(input) = self.values.get(self.focus) else { return (0, 0) };
        let hidden = input.visual_scroll(cells.saturating_sub(1));
        (input.visual_cursor().saturating_sub(hidden), hidden)
    }

    /// Gives the keys to the field that many further on.
    pub(crate) fn go(&mut self, by: usize) {
        self.focus = (self.focus + by) % Field::ALL.len();
    }

    /// Turns the choice that has the keys; tells whether it is one.
    pub(crate) fn turn(&mut self) -> bool {
        let Kind::Choice(words) = self.field().kind() else { return false };
        let next = if self.value(self.field()) == words[0] { words[1] } else { words[0] };
        if let Some(input) = self.input() {
            *input = Input::new(next.to_owned());
        }
        true
    }

    /// Whether a character can stand in the field that has the keys.
    pub(crate) fn takes(&self, char: char) -> bool {
        match self.field().kind() {
            Kind::Number | Kind::Optional => char.is_ascii_digit(),
            Kind::Seconds => char.is_ascii_digit() || char == '.',
            Kind::Text => !char.is_control(),
            Kind::Choice(_) => false,
        }
    }

    /// What is asked for, or what is wrong with it: then the field at fault has the keys.
    pub(crate) fn asked(&mut self) -> Option<JobRequest> {
        match self.request() {
            Ok(request) => Some(request),
            Err((field, problem)) => {
                self.focus = field as usize;
                self.problem = Some(format!("{}: {problem}", field.label()));
                None
            }
        }
    }

    fn optional(&self, field: Field) -> Result<Option<u64>, Wrong> {
        match self.value(field).trim() {
            "" => Ok(None),
            _ => self.number(field).map(Some),
        }
    }

    fn number(&self, field: Field) -> Result<u64, Wrong> {
        self.value(field).trim().parse().map_err(|_| (field, "a whole number is needed".to_owned()))
    }

    fn time(&self, field: Field) -> Result<u64, Wrong> {
        let ms = milliseconds(self.value(field).trim());
        let ms = ms.ok_or_else(|| (field, "seconds are needed, with three decimals at most".to_owned()))?;
        if ms > MOST_MS { Err((field, "86,400 at most".to_owned())) } else { Ok(ms) }
    }

    fn is_second(&self, field: Field) -> bool {
        matches!(field.kind(), Kind::Choice(words) if self.value(field) == words[1])
    }

    fn request(&self) -> Result<JobRequest, Wrong> {
        let set_id = self.value(Field::SetId).trim();
        let request = JobRequest {
            files: self.number(Field::Files)?,
            dirs: self.number(Field::Dirs)?,
            seed: self.number(Field::Seed)?,
            missing: self.number(Field::Missing)?,
            smallest: self.number(Field::Smallest)?,
            largest: self.number(Field::Largest)?,
            hostile_names: self.is_second(Field::Names),
            set_id: (!set_id.is_empty()).then(|| set_id.to_owned()),
            manifest_early: self.is_second(Field::Manifest),
            copy_ms: self.time(Field::Copy)?,
            late: self.number(Field::Late)?,
            late_by_ms: self.time(Field::LateBy)?,
            rewrites: self.number(Field::Rewrites)?,
            rewrite_gap_ms: self.time(Field::RewriteGap)?,
            settling: self.optional(Field::Settling)?,
            speed: self.number(Field::Speed)?,
            in_order: self.is_second(Field::Order),
            workers: self.number(Field::Workers)?,
            upload_ms: self.time(Field::Upload)?,
            strict: self.is_second(Field::Strict),
            duplicates: self.number(Field::Duplicates)?,
            duplicate_gap_ms: self.time(Field::DuplicateGap)?,
            stuck: self.number(Field::Stuck)?,
            partial_from: self.number(Field::PartialFrom)?,
            cache: self.optional(Field::Cache)?,
            offline_from_ms: self.time(Field::OfflineFrom)?,
            offline_for_ms: self.time(Field::OfflineFor)?,
        };
        match wrong(&request) {
            Some((field, problem)) => Err((field, problem.to_owned())),
            None => Ok(request),
        }
    }
}

/// What cannot be, and in which field.
fn wrong(job: &JobRequest) -> Option<(Field, &'static str)> {
    let fates = [
        (Field::Missing, job.missing),
        (Field::Late, job.late),
        (Field::Rewrites, job.rewrites),
        (Field::Duplicates, job.duplicates),
        (Field::Stuck, job.stuck),
    ];
    let kept = fates.into_iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(count));
    if let Some((field, _)) = fates.into_iter().find(|(_, count)| *count > job.files)
        && job.files > 0
    {
        return Some((field, "no more than there are files"));
    }
    let of_id = job.set_id.as_deref().unwrap_or("id");
    Some(match job {
        _ if job.files == 0 => (Field::Files, "at least one is needed"),
        _ if job.files > 1_000_000 => (Field::Files, "1,000,000 at most"),
        _ if job.dirs > 100_000 => (Field::Dirs, "100,000 at most"),
        _ if kept > job.files => {
            (Field::Files, "too few for those that are missing, late, written again, twice or in part")
        }
        _ if job.smallest > job.largest => (Field::Smallest, "no more than the largest"),
        _ if job.largest > 1 << 30 => (Field::Largest, "1,073,741,824 at most"),
        _ if of_id.contains('/') || of_id.chars().count() > 128 => {
            (Field::SetId, "128 characters at most, and no slash")
        }
        _ if job.settling.is_some_and(|secs| secs > 86_400) => (Field::Settling, "86,400 at most"),
        _ if !(1..=10_000).contains(&job.speed) => (Field::Speed, "1 to 10,000"),
        _ if !(1..=1_000).contains(&job.workers) => (Field::Workers, "1 to 1,000"),
        _ if job.stuck > 0 && job.smallest < 2 => (Field::Smallest, "2 at least where uploads stay in part"),
        _ if job.cache.is_some_and(|cache| cache < job.largest.max(1)) => {
            (Field::Cache, "no less than the largest file")
        }
        _ => return None,
    })
}

/// What stands in a field for a request.
fn value(job: &JobRequest, field: Field) -> String {
    let choice = |is: bool| match field.kind() {
        Kind::Choice(words) => words[usize::from(is)].to_owned(),
        _ => String::new(),
    };
    let optional = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    match field {
        Field::Files => job.files.to_string(),
        Field::Dirs => job.dirs.to_string(),
        Field::Seed => job.seed.to_string(),
        Field::Missing => job.missing.to_string(),
        Field::Smallest => job.smallest.to_string(),
        Field::Largest => job.largest.to_string(),
        Field::Names => choice(job.hostile_names),
        Field::SetId => job.set_id.clone().unwrap_or_default(),
        Field::Manifest => choice(job.manifest_early),
        Field::Copy => seconds(job.copy_ms),
        Field::Late => job.late.to_string(),
        Field::LateBy => seconds(job.late_by_ms),
        Field::Rewrites => job.rewrites.to_string(),
        Field::RewriteGap => seconds(job.rewrite_gap_ms),
        Field::Settling => optional(job.settling),
        Field::Speed => job.speed.to_string(),
        Field::Order => choice(job.in_order),
        Field::Workers => job.workers.to_string(),
        Field::Upload => seconds(job.upload_ms),
        Field::Strict => choice(job.strict),
        Field::Duplicates => job.duplicates.to_string(),
        Field::DuplicateGap => seconds(job.duplicate_gap_ms),
        Field::Stuck => job.stuck.to_string(),
        Field::PartialFrom => job.partial_from.to_string(),
        Field::Cache => optional(job.cache),
        Field::OfflineFrom => seconds(job.offline_from_ms),
        Field::OfflineFor => seconds(job.offline_for_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_stands_in_its_place_and_what_is_shown_is_what_is_asked_for() {
        assert!(Field::ALL.iter().enumerate().all(|(at, field)| *field as usize == at));
        let odd = JobRequest {
            set_id: Some("2026 grüße-01".to_owned()),
            hostile_names: true,
            manifest_early: true,
            copy_ms: 1_050,
            missing: 1,
            late: 2,
            late_by_ms: 120_000,
            rewrites: 3,
            rewrite_gap_ms: 7,
            settling: Some(1),
            speed: 50,
            in_order: true,
            workers: 1,
            upload_ms: 90,
            strict: true,
            duplicates: 4,
            duplicate_gap_ms: 5_500,
            stuck: 5,
            partial_from: 0,
            cache: Some(500_000),
            offline_from_ms: 31_000,
            offline_for_ms: 300_000,
            ..JobRequest::default()
        };
        for job in [JobRequest::default(), odd] {
            assert_eq!(JobForm::new(&job).request(), Ok(job));
        }
    }

    #[test]
    fn seconds_are_read_to_the_millisecond() {
        for (typed, ms) in [("0", 0), ("2", 2_000), ("0.005", 5), (".5", 500), ("3.", 3_000), ("86400", MOST_MS)] {
            assert_eq!(milliseconds(typed), Some(ms), "{typed}");
        }
        for typed in ["", ".", "1.2345", "-1", "1e3", "1.2.3", "99999999999999999999"] {
            assert_eq!(milliseconds(typed), None, "{typed}");
        }
        assert_eq!([5, 50, 500, 2_000, 1_050].map(seconds), ["0.005", "0.05", "0.5", "2", "1.05"]);
    }

    #[test]
    fn what_cannot_be_is_said_in_one_sentence_at_its_field() {
        for (field, typed, said) in [
            (Field::Files, "", "a whole number is needed"),
            (Field::Files, "0", "at least one"),
            (Field::Files, "1000001", "1,000,000 at most"),
            (Field::Dirs, "100001", "100,000 at most"),
            (Field::Missing, "201", "no more than there are files"),
            (Field::Stuck, "201", "no more than there are files"),
            (Field::Smallest, "70000", "no more than the largest"),
            (Field::Largest, "1073741825", "1,073,741,824 at most"),
            (Field::SetId, "a/b", "no slash"),
            (Field::Copy, "1.0001", "three decimals"),
            (Field::OfflineFor, "86400.001", "86,400 at most"),
            (Field::Settling, "86401", "86,400 at most"),
            (Field::Speed, "0", "1 to 10,000"),
            (Field::Workers, "0", "1 to 1,000"),
            (Field::Cache, "65535", "no less than the largest file"),
        ] {
            let mut form = JobForm::new(&JobRequest::default());
            form.values[field as usize] = Input::new(typed.to_owned());
            assert_eq!(form.asked(), None, "{field:?} {typed}");
            let problem = form.problem.clone().unwrap_or_default();
            assert!(problem.starts_with(field.label()) && problem.contains(said), "{problem}");
            assert_eq!(form.field(), field, "the keys are where the problem is");
        }
        let job = JobRequest { missing: 100, late: 101, ..JobRequest::default() };
        assert!(
            JobForm::new(&job).request().is_err_and(|(field, said)| field == Field::Files && said.contains("too few"))
        );
    }

    #[test]
    fn a_choice_is_turned_and_takes_no_letters() {
        let mut form = JobForm::new(&JobRequest::default());
        assert!(!form.turn() && form.takes('1') && !form.takes('.'));
        form.focus = Field::Manifest as usize;
        assert!(form.turn() && !form.takes('1'));
        assert!(form.request().is_ok_and(|job| job.manifest_early));
        assert!(form.turn());
        assert!(form.request().is_ok_and(|job| !job.manifest_early));
    }
}
