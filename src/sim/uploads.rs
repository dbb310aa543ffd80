//! Uploads that go on: how much of each is done, also when they stand still or change their speed. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::engine::File;

/// One upload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Upload {
    /// What is uploaded.
    pub file: File,
    /// Which write of it.
    pub write: u32,
    /// Its bytes.
    pub size: u64,
    /// Bytes that stand in the bucket after half of the time.
    part: Option<u64>,
    takes: Duration,
    /// Time that it needs yet, at the speed that was asked for, from `since` on.
    left: Duration,
    since: Duration,
    /// Counts changes of its times: what was foreseen before one does not come about.
    age: u32,
}

impl Upload {
    /// An upload that takes so long.
    pub fn new(file: File, write: u32, size: u64, part: Option<u64>, takes: Duration) -> Self {
        Self { file, write, size, part, takes, left: takes, since: Duration::ZERO, age: 0 }
    }
}

/// All of them.
#[derive(Debug, Clone)]
pub struct Uploads {
    going: BTreeMap<usize, Upload>,
    begun: usize,
    speed: f64,
    is_stopped: bool,
}

impl Default for Uploads {
    fn default() -> Self {
        Self { going: BTreeMap::new(), begun: 0, speed: 1.0, is_stopped: false }
    }
}

impl Uploads {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.going.len()
    }

    /// Each of them, the one that was begun first first.
    pub fn iter(&self) -> impl Iterator<Item = &Upload> {
        self.going.values()
    }

    /// Their numbers.
    pub fn ids(&self) -> Vec<usize> {
        self.going.keys().copied().collect()
    }

    /// How many times as fast as asked for.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Begins one.
    pub fn start(&mut self, at: Duration, upload: Upload) -> usize {
        self.begun += 1;
        self.going.insert(self.begun, Upload { since: at, ..upload });
        self.begun
    }

    /// Lets them stand still.
    pub fn stop(&mut self, at: Duration) {
        self.settle(at);
        self.is_stopped = true;
    }

    /// Lets them go on.
    pub fn go_on(&mut self, at: Duration) {
        self.settle(at);
        self.is_stopped = false;
    }

    /// Changes the speed of all of them.
    pub fn set_speed(&mut self, at: Duration, speed: f64) {
        self.settle(at);
        self.speed = speed.clamp(0.01, 1_000.0);
    }

    /// When half of it is done, where a part is put then, and when all of it is; `None` while it stands still.
    pub fn times(&self, id: usize) -> Option<(u32, Option<Duration>, Duration)> {
        let upload = self.going.get(&id).filter(|_| !self.is_stopped)?;
        let after = |work: Duration| upload.since + work.div_f64(self.speed);
        let half = upload.part.map(|_| after(upload.left.saturating_sub(upload.takes / 2)));
        Some((upload.age, half, after(upload.left)))
    }

    /// The part that is put now: once, and only where nothing has changed since it was foreseen.
    pub fn take_part(&mut self, id: usize, age: u32) -> Option<(File, u64)> {
        let upload = self.going.get_mut(&id).filter(|upload| upload.age == age)?;
        Some((upload.file, upload.part.take()?))
    }

    /// Ends it, where nothing has changed since that was foreseen.
    pub fn end(&mut self, id: usize, age: u32) -> Option<Upload> {
        self.going.get(&id).filter(|upload| upload.age == age)?;
        self.going.remove(&id)
    }

    /// How much of one is done, in thousandths.
    pub fn done(&self, upload: &Upload, at: Duration) -> u16 {
        let left = self.left(upload, at).as_micros();
        let takes = upload.takes.as_micros().max(1);
        u16::try_from(1_000 - (left * 1_000 / takes).min(1_000)).unwrap_or(1_000)
    }

    fn left(&self, upload: &Upload, at: Duration) -> Duration {
        if self.is_stopped {
            return upload.left;
        }
        upload.left.saturating_sub(at.saturating_sub(upload.since).mul_f64(self.speed))
    }

    /// Notes what is done so far, and that nothing that was foreseen comes about.
    fn settle(&mut self, at: Duration) {
        let before = self.clone();
        for upload in self.going.values_mut() {
            upload.left = before.left(upload, at);
            upload.since = at;
            upload.age += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_stays_done_through_standstill_and_speed() {
        let secs = Duration::from_secs;
        let mut uploads = Uploads::default();
        let file = File { set: 0, entry: 1 };
        let id = uploads.start(secs(10), Upload::new(file, 1, 100, Some(40), secs(8)));
        assert_eq!(uploads.times(id), Some((0, Some(secs(14)), secs(18))));
        uploads.stop(secs(12));
        assert_eq!(uploads.times(id), None);
        let upload = *uploads.iter().next().expect("one");
        assert_eq!(uploads.done(&upload, secs(100)), 250);
        uploads.go_on(secs(20));
        assert_eq!(uploads.times(id), Some((2, Some(secs(22)), secs(26))));
        assert_eq!(uploads.take_part(id, 0), None, "what was foreseen before does not come");
        uploads.set_speed(secs(21), 2.0);
        let (age, half, end) = uploads.times(id).expect("it goes on");
        assert_eq!((half, end), (Some(Duration::from_millis(21_500)), Duration::from_millis(23_500)));
        assert_eq!(uploads.take_part(id, age), Some((file, 40)));
        assert_eq!(uploads.take_part(id, age), None, "once");
        assert!(uploads.end(id, 0).is_none() && uploads.end(id, age).is_some() && uploads.len() == 0);
    }
}
