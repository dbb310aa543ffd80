//! IPv4 blocks.

use std::fmt;
use std::net::Ipv4Addr;

/// A block: `10.0.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    base: u32,
    prefix: u32,
}

impl Block {
    /// Reads a block; bits beyond the prefix are cleared, as AWS does.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
        let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        Some(Self { base: u32::from(address) & mask, prefix })
    }

    /// Bits of the network.
    #[must_use]
    pub const fn prefix(self) -> u32 {
        self.prefix
    }

    /// How many addresses it has.
    #[must_use]
    pub const fn size(self) -> u64 {
        1 << (32 - self.prefix)
    }

    /// Whether `other` lies in it.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.prefix <= other.prefix && self.has(Ipv4Addr::from(other.base))
    }

    /// Whether they share an address.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// Whether the address lies in it.
    #[must_use]
    pub fn has(self, address: Ipv4Addr) -> bool {
        u64::from(u32::from(address)).wrapping_sub(u64::from(self.base)) < self.size()
    }

    /// Addresses that can be given out: AWS keeps the first four and the last.
    pub fn usable(self) -> impl Iterator<Item = Ipv4Addr> {
        let first = u64::from(self.base);
        (first + 4..(first + self.size()).saturating_sub(1))
            .map(|n| Ipv4Addr::from(u32::try_from(n).unwrap_or(u32::MAX)))
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Block {
        Block::parse(text).expect(text)
    }

    #[test]
    fn blocks_are_read_compared_and_counted() {
        assert_eq!(block("10.0.1.7/16").to_string(), "10.0.0.0/16");
        assert!(block("10.0.0.0/16").contains(block("10.0.255.0/24")));
        assert!(!block("10.0.0.0/24").contains(block("10.0.0.0/16")));
        assert!(block("10.0.0.0/24").overlaps(block("10.0.0.128/25")));
        assert!(!block("10.0.0.0/24").overlaps(block("10.0.1.0/24")));
        assert!(block("0.0.0.0/0").contains(block("255.255.255.255/32")));
        let usable: Vec<String> = block("10.0.0.0/28").usable().map(|one| one.to_string()).collect();
        assert_eq!((usable.len(), usable[0].as_str(), usable[10].as_str()), (11, "10.0.0.4", "10.0.0.14"));
        assert_eq!(block("255.255.255.255/32").usable().count(), 0);
        for bad in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::/0", "10.0.0.0/-1"] {
            assert_eq!(Block::parse(bad), None, "{bad}");
        }
    }
}
