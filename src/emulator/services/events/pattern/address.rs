//! IP addresses and CIDR blocks as event patterns read them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of addresses of one family, its first and last as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    is_v4: bool,
    first: u128,
    last: u128,
}

impl Block {
    /// The block of one address, when the text is an address.
    pub fn single(text: &str) -> Option<Self> {
        let (is_v4, number) = number(parse(text)?);
        Some(Self { is_v4, first: number, last: number })
    }

    /// Reads `address/bits`.
    ///
    /// # Errors
    /// What is wrong with it, as EventBridge words it.
    pub fn cidr(text: &str) -> Result<Self, String> {
        let mut parts = text.split('/');
        let (Some(address), Some(bits), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err("Malformed CIDR, one '/' required".to_owned());
        };
        let Ok(bits) = bits.parse::<i32>() else {
            return Err("Malformed CIDR, mask bits must be an integer".to_owned());
        };
        let Ok(bits) = u32::try_from(bits) else {
            return Err("Malformed CIDR, mask bits must not be negative".to_owned());
        };
        let Some(parsed) = parse(address) else { return Err(format!("Nonstandard IP address: {address}")) };
        let (is_v4, number) = number(parsed);
        let (width, limit) =
            if is_v4 { (32, "IPv4 mask bits must be < 32") } else { (128, "IPv6 mask bits must be < 128") };
        if bits >= width {
            return Err(limit.to_owned());
        }
        let free = width - bits;
        let host = if free == 128 { u128::MAX } else { (1_u128 << free) - 1 };
        Ok(Self { is_v4, first: number & !host, last: number | host })
    }

    /// Whether the text is an address of this block.
    pub fn contains(&self, text: &str) -> bool {
        parse(text).is_some_and(|address| {
            let (is_v4, number) = number(address);
            is_v4 == self.is_v4 && (self.first..=self.last).contains(&number)
        })
    }
}

fn number(address: IpAddr) -> (bool, u128) {
    match address {
        IpAddr::V4(v4) => (true, u128::from(v4.to_bits())),
        IpAddr::V6(v6) => (false, v6.to_bits()),
    }
}

/// Reads an address; leading zeros are decimal, and an IPv4 address in IPv6 clothes is IPv4.
fn parse(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':') {
            return None;
        }
        let v6: Ipv6Addr = text.parse().ok()?;
        return Some(v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4));
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let mut octets = [0_u8; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        *octet = parts.next()?.parse().ok()?;
    }
    parts.next().is_none().then_some(IpAddr::V4(Ipv4Addr::from(octets)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_its_addresses_and_no_others() {
        let block = Block::cidr("10.0.0.7/24").expect("a valid block");
        assert!(block.contains("10.0.0.255") && !block.contains("10.0.1.0") && !block.contains("::a00:1"));
        let block = Block::cidr("2001:db8:1234:1a00::/64").expect("a valid block");
        assert!(block.contains("2001:0db8:1234:1a00:0000:0000:0000:0000") && !block.contains("2001:db8:123f::"));
        assert!(Block::cidr("::/0").expect("a valid block").contains("::1"));
    }

    #[test]
    fn malformed_blocks_are_named() {
        for (text, problem) in [
            ("10.0.0.1", "Malformed CIDR, one '/' required"),
            ("10.0.0.1/x", "Malformed CIDR, mask bits must be an integer"),
            ("10.0.0.1/-1", "Malformed CIDR, mask bits must not be negative"),
            ("10.0.0.1/32", "IPv4 mask bits must be < 32"),
            ("10.0.0/8", "Nonstandard IP address: 10.0.0"),
            ("::/128", "IPv6 mask bits must be < 128"),
        ] {
            assert_eq!(Block::cidr(text), Err(problem.to_owned()), "{text}");
        }
    }
}
