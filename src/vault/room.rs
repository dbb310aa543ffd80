//! Whether a disk has room for what is to be written, asked before the first byte is.

use std::path::Path;

use super::error::VaultError;

/// What is to be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Need {
    /// Files and folders.
    pub entries: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// What a disk has left for this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Bytes of a block: a file takes whole ones.
    pub block: u64,
    /// Blocks.
    pub blocks: u64,
    /// Files and folders; `None` where the file system sets no limit.
    pub entries: Option<u64>,
}

impl Room {
    /// What the disk of `folder` has left.
    ///
    /// # Errors
    /// When the system does not say.
    pub(super) fn of(folder: &Path) -> Result<Self, VaultError> {
        let stat = rustix::fs::statvfs(folder)
            .map_err(|error| VaultError::io("asking for the free space of", folder, error.into()))?;
        let entries = (stat.f_files > 0).then_some(stat.f_favail);
        Ok(Self { block: stat.f_frsize.max(1), blocks: stat.f_bavail, entries })
    }

    /// Refuses what does not fit.
    ///
    /// # Errors
    /// [`VaultError::NoRoom`] or [`VaultError::NoNames`], with `folder` as the place.
    pub(super) fn check(self, need: Need, folder: &Path) -> Result<(), VaultError> {
        let path = || folder.to_owned();
        // Half a block is lost on average where a file ends, and a folder takes one; none of it is worth refusing
        // a file system over that packs small files, so a file counts as its bytes and an entry as half a block.
        let needed = u128::from(need.bytes) + u128::from(need.entries) * u128::from(self.block / 2);
        let free = u128::from(self.block) * u128::from(self.blocks);
        let clamp = |bytes: u128| u64::try_from(bytes).unwrap_or(u64::MAX);
        if needed > free {
            return Err(VaultError::NoRoom { path: path(), needed: clamp(needed), free: clamp(free) });
        }
        match self.entries {
            Some(free) if need.entries > free => Err(VaultError::NoNames { path: path(), needed: need.entries, free }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { block: 4_096, blocks: 1_000, entries: Some(10) };

    fn refusal(room: Room, entries: u64, bytes: u64) -> Option<String> {
        room.check(Need { entries, bytes }, Path::new("/d")).err().map(|error| error.to_string())
    }

    #[test]
    fn what_fits_to_the_byte_is_taken_and_one_more_is_refused() {
        assert_eq!(refusal(ROOM, 0, 4_096_000), None);
        let told = "/d has room for 3.9 MB, and 3.9 MB are needed: free 1 bytes there or choose another folder";
        assert_eq!(refusal(ROOM, 0, 4_096_001).as_deref(), Some(told));
        assert_eq!(refusal(ROOM, 10, 4_096_000 - 20_480), None, "half a block each");
        assert!(refusal(ROOM, 10, 4_096_000 - 20_479).is_some());
    }

    #[test]
    fn a_disk_can_run_out_of_names_before_it_runs_out_of_blocks() {
        let told = "/d takes 10 more files and folders, and 11 are needed: choose a folder on another disk";
        assert_eq!(refusal(ROOM, 11, 0).as_deref(), Some(told));
        assert_eq!(refusal(Room { entries: None, ..ROOM }, 11, 0), None);
    }

    #[test]
    fn amounts_beyond_any_disk_are_refused_and_disks_beyond_any_amount_take_all() {
        assert!(refusal(ROOM, u64::MAX, u64::MAX).is_some());
        let endless = Room { block: u64::MAX, blocks: u64::MAX, entries: None };
        assert_eq!(refusal(endless, 1 << 40, u64::MAX), None);
    }

    #[test]
    fn this_machine_says_what_it_has_left() {
        let room = Room::of(&std::env::temp_dir()).expect("the system says");
        assert!(room.block >= 512 && room.blocks > 0, "{room:?}");
        assert!(Room::of(Path::new("/nonexistent")).is_err());
    }
}
