//! What passes each hop of the pipeline: how much, how fast, how late. Every thing is to be handed in once; whoever
//! reads the sources removes what they repeat.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::flow::{FlowEvent, GatewayStepKind, JobState, LogRole, QueueDepth, Seen};
use super::{SetId, Timestamp};

/// Seconds of real time that rates are kept for.
pub const RATE_SECONDS: usize = 60;

/// A rate is the mean of this many seconds.
const MEAN_OF_SECONDS: usize = 3;

/// Announced files whose way is timed at once; beyond it new ones are not timed.
const TIMED_FILES: usize = 200_000;

/// A counter with its rate over the last minute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meter {
    /// Since the start.
    pub total: u64,
    /// When the last one passed.
    pub last: Option<Timestamp>,
    /// Numbers of whole seconds, the newest last.
    seconds: VecDeque<u64>,
    current: u64,
}

impl Meter {
    fn count(&mut self, at: Timestamp) {
        self.total += 1;
        self.current += 1;
        self.last = self.last.max(Some(at));
    }

    fn close_seconds(&mut self, passed: usize) {
        for _ in 0..passed.min(RATE_SECONDS) {
            if self.seconds.len() == RATE_SECONDS {
                self.seconds.pop_front();
            }
            self.seconds.push_back(std::mem::take(&mut self.current));
        }
    }

    /// How many a second passed lately.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "three seconds of events are far below 2^53")]
    pub fn rate(&self) -> f64 {
        let lately = self.seconds.iter().rev().take(MEAN_OF_SECONDS);
        let (count, sum) = lately.fold((0_u32, 0), |(count, sum), number| (count + 1, sum + number));
        if count == 0 { 0.0 } else { sum as f64 / f64::from(count) }
    }

    /// Numbers of the last whole seconds, the oldest first; at most [`RATE_SECONDS`].
    pub fn seconds(&self) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator {
        self.seconds.iter().copied()
    }
}

/// Times in classes of a quarter octave; old ones fade.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Latencies {
    classes: Vec<u32>,
    count: u32,
}

impl Latencies {
    const CLASSES: u64 = 4 * 48;
    const FADE_AT: u32 = 8_192;

    fn add(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
        let octave = u64::from(micros.ilog2());
        let quarter = ((micros - (1 << octave)) * 4) >> octave;
        let class = usize::try_from((octave * 4 + quarter).min(Self::CLASSES - 1)).unwrap_or_default();
        if self.classes.len() <= class {
            self.classes.resize(class + 1, 0);
        }
        self.classes[class] += 1;
        self.count += 1;
        if self.count >= Self::FADE_AT {
            self.classes.iter_mut().for_each(|number| *number /= 2);
            self.count = self.classes.iter().sum();
        }
    }

    /// The time that `percent` of a hundred stayed below, to a fifth; `None` before the first one.
    #[must_use]
    pub fn percentile(&self, percent: u32) -> Option<Duration> {
        let wanted = u64::from(self.count) * u64::from(percent.min(100));
        let mut seen = 0;
        for (class, &number) in self.classes.iter().enumerate() {
            seen += u64::from(number) * 100;
            if number > 0 && seen >= wanted {
                let class = u64::try_from(class).unwrap_or_default();
                let octave = 1_u64 << (class / 4);
                return Some(Duration::from_micros(octave + octave * (class % 4 + 1) / 4));
            }
        }
        None
    }
}

/// The pipeline, hop by hop.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pipeline {
    /// Files that the client wrote to the gateway's share.
    pub written: Meter,
    /// Whole uploads to the bucket.
    pub uploaded: Meter,
    /// Bytes of whole uploads.
    pub uploaded_bytes: u64,
    /// Notifications that the default bus, or the queue, accepted.
    pub notified: Meter,
    /// The queue when it was last measured.
    pub queue: Option<QueueDepth>,
    /// Events that the check function put on the custom bus, as their log groups show.
    pub checked: Meter,
    /// Lines of the data log.
    pub data_lines: Meter,
    /// Lines of the manifest log.
    pub manifest_lines: Meter,
    /// Items of the table.
    pub items: Meter,
    /// Lines of the two reconciliation logs.
    pub reconciled: Meter,
    /// Notification accepted → line in the log.
    pub to_log: Latencies,
    /// Notification accepted → item in the table.
    pub to_item: Latencies,
    /// Size of each object that was seen in the bucket, by the hash of its key.
    objects: HashMap<u64, u64>,
    object_bytes: u64,
    announced: HashMap<SetId, HashMap<String, Timestamp>>,
    timed: usize,
    last_tick: Option<u64>,
}

impl Pipeline {
    /// Takes in something that was not seen before.
    pub fn see(&mut self, event: &FlowEvent) {
        let at = event.at;
        match &event.what {
            Seen::Gateway(step) => match step.step {
                GatewayStepKind::Written => self.written.count(at),
                GatewayStepKind::PartialUploaded => {}
                GatewayStepKind::Uploaded => {
                    self.uploaded.count(at);
                    self.uploaded_bytes = self.uploaded_bytes.saturating_add(step.object_size);
                }
                GatewayStepKind::Notified => {
                    self.notified.count(at);
                    self.announce(&step.set_id, &step.object_key, at);
                }
            },
            Seen::Object(object) => {
                let mut hash = DefaultHasher::new();
                object.key.hash(&mut hash);
                let before = self.objects.insert(hash.finish(), object.size).unwrap_or_default();
                self.object_bytes = self.object_bytes.saturating_sub(before).saturating_add(object.size);
            }
            Seen::Queue(depth) => self.queue = Some(*depth),
            Seen::Log(line) => {
                match line.role {
                    LogRole::DataFileUpload => self.data_lines.count(at),
                    LogRole::ManifestFileUpload => self.manifest_lines.count(at),
                    LogRole::ReconcileSuccessful | LogRole::ReconcileTimeout => {
                        self.reconciled.count(at);
                        return;
                    }
                    LogRole::Task | LogRole::ErrorHandler | LogRole::StateMachine => return,
                }
                self.checked.count(at);
                if let Some(upload) = &line.upload
                    && let Some(begun) = self.begun(&upload.set_id, &upload.object_key)
                    && let Some(time) = at.since(begun)
                {
                    self.to_log.add(time);
                }
            }
            Seen::Item(item) => {
                self.items.count(at);
                let begun = self.announced.get_mut(&item.set_id).and_then(|keys| keys.remove(&item.object_key));
                if let Some(begun) = begun {
                    self.timed -= 1;
                    if let Some(time) = at.since(begun) {
                        self.to_item.add(time);
                    }
                }
            }
            Seen::Job(job) => {
                if job.state != JobState::Started
                    && let Some(keys) = self.announced.get(&job.set_id)
                    && keys.is_empty()
                {
                    self.announced.remove(&job.set_id);
                }
            }
            _ => {}
        }
    }

    /// Objects in the bucket and their bytes: what our gateway has put there, or what was seen there, whichever is more.
    /// Somebody else's gateway does not tell of its uploads, and our own tells before they are seen.
    #[must_use]
    pub fn in_bucket(&self) -> (u64, u64) {
        (self.uploaded.total.max(self.objects.len() as u64), self.uploaded_bytes.max(self.object_bytes))
    }

    /// Lets real time pass: `real_ms` counts milliseconds from any fixed moment.
    pub fn tick(&mut self, real_ms: u64) {
        let second = real_ms / 1_000;
        let passed = second.saturating_sub(*self.last_tick.get_or_insert(second));
        if passed == 0 {
            return;
        }
        self.last_tick = Some(second);
        let passed = usize::try_from(passed).unwrap_or(RATE_SECONDS);
        for meter in [
            &mut self.written,
            &mut self.uploaded,
            &mut self.notified,
            &mut self.checked,
            &mut self.data_lines,
            &mut self.manifest_lines,
            &mut self.items,
            &mut self.reconciled,
        ] {
            meter.close_seconds(passed);
        }
    }

    fn announce(&mut self, set: &SetId, key: &str, at: Timestamp) {
        if self.timed < TIMED_FILES {
            let keys = self.announced.entry(set.clone()).or_default();
            if !keys.contains_key(key) {
                keys.insert(key.to_owned(), at);
                self.timed += 1;
            }
        }
    }

    fn begun(&self, set: &SetId, key: &str) -> Option<Timestamp> {
        self.announced.get(set)?.get(key).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{GatewayStep, ObjectSeen, UploadItem};

    fn notified(key: &str, millis: i64) -> FlowEvent {
        let step = GatewayStepKind::Notified;
        let (set_id, object_key) = (SetId::from("s"), key.to_owned());
        let what = Seen::Gateway(GatewayStep { set_id, step, object_key, object_size: 1, modified: None });
        FlowEvent { at: Timestamp::from_millis(millis), what }
    }

    fn item(key: &str, millis: i64) -> FlowEvent {
        let what = Seen::Item(UploadItem {
            set_id: "s".into(),
            object_key: key.to_owned(),
            bucket_name: "b".to_owned(),
            object_size: 1,
            event_time: 0,
        });
        FlowEvent { at: Timestamp::from_millis(millis), what }
    }

    #[test]
    fn a_rate_is_the_mean_of_the_last_seconds() {
        let mut pipeline = Pipeline::default();
        pipeline.tick(500);
        (0..30).for_each(|n| pipeline.see(&notified(&n.to_string(), n)));
        pipeline.tick(1_000);
        pipeline.tick(2_000);
        pipeline.tick(2_400);
        assert!((pipeline.notified.rate() - 15.0).abs() < f64::EPSILON);
        assert_eq!(pipeline.notified.seconds().collect::<Vec<_>>(), [30, 0]);
        pipeline.tick(1_000_000);
        assert!(pipeline.notified.rate().abs() < f64::EPSILON);
        assert_eq!((pipeline.notified.total, pipeline.notified.seconds().len()), (30, RATE_SECONDS));
    }

    #[test]
    fn the_bucket_holds_what_was_put_or_seen_there_each_object_once() {
        let object = |key: &str, size| FlowEvent {
            at: Timestamp::default(),
            what: Seen::Object(ObjectSeen { key: key.to_owned(), size }),
        };
        let mut pipeline = Pipeline::default();
        for (key, size) in [("a", 3), ("b", 5), ("a", 7), ("b", 5)] {
            pipeline.see(&object(key, size));
        }
        assert_eq!(pipeline.in_bucket(), (2, 12), "a grew, b was seen twice");
        let step = GatewayStepKind::Uploaded;
        for key in ["a", "b", "c"] {
            let what = Seen::Gateway(GatewayStep {
                set_id: "s".into(),
                step,
                object_key: key.to_owned(),
                object_size: 10,
                modified: None,
            });
            pipeline.see(&FlowEvent { at: Timestamp::default(), what });
        }
        assert_eq!(pipeline.in_bucket(), (3, 30), "c is not seen yet");
    }

    #[test]
    fn the_way_to_the_table_is_timed_by_file() {
        let mut pipeline = Pipeline::default();
        assert_eq!(pipeline.to_item.percentile(50), None);
        for n in 0..100_i64 {
            pipeline.see(&notified(&n.to_string(), 1_000));
            pipeline.see(&item(&n.to_string(), 1_000 + if n < 90 { 40 } else { 400 }));
        }
        pipeline.see(&item("never announced", 9_000));
        let near = |percent, millis: f64| {
            let found = pipeline.to_item.percentile(percent).expect("times were seen").as_secs_f64() * 1_000.0;
            assert!((found / millis - 1.0).abs() < 0.25, "{percent} % is {found} ms");
        };
        near(50, 40.0);
        near(99, 400.0);
    }
}
