//! Names that CloudFormation makes up: `Stack-Logical-RANDOM`, cut to what the service allows.

use super::Request;

const LENGTH_OF_RANDOM: usize = 12;
const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

impl Request<'_> {
    /// The name that a property gives, else a generated one of at most `limit` characters.
    pub(super) fn name(&self, property: &str, limit: usize) -> String {
        match self.text(property) {
            "" => self.generated(self.stack_name, limit, MIXED),
            name => name.to_owned(),
        }
    }

    /// The same for services whose names are in lower case.
    pub(super) fn lower_name(&self, property: &str, limit: usize) -> String {
        match self.text(property) {
            "" => self.generated(self.stack_name, limit, LOWER).to_ascii_lowercase(),
            name => name.to_owned(),
        }
    }

    /// A generated name with another first part than the stack's name; without one when it is empty.
    pub(super) fn name_after(&self, property: &str, first: &str, limit: usize) -> String {
        match self.text(property) {
            "" => self.generated(first, limit, MIXED),
            name => name.to_owned(),
        }
    }

    fn generated(&self, first: &str, limit: usize, alphabet: &[u8]) -> String {
        let random = self.fabric.token(alphabet, LENGTH_OF_RANDOM);
        join(first, self.logical_id, &random, limit)
    }
}

/// Cuts the longer of the two parts first, so that both stay recognisable.
fn join(first: &str, logical: &str, random: &str, limit: usize) -> String {
    if first.is_empty() {
        let room = limit.saturating_sub(random.len() + 1);
        return format!("{}-{random}", &logical[..logical.len().min(room)]);
    }
    let room = limit.saturating_sub(random.len() + 2);
    let first_share = room.saturating_sub(logical.len()).max(room / 2).min(first.len());
    let logical_share = room.saturating_sub(first_share).min(logical.len());
    format!("{}-{}-{random}", first[..first_share].trim_end_matches('-'), &logical[..logical_share])
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn names_are_cut_to_the_limit() {
        assert_eq!(join("Stack", "Queue", "ABCDEFGHIJKL", 80), "Stack-Queue-ABCDEFGHIJKL");
        assert_eq!(join("", "machine", "ABCDEFGHIJKL", 80), "machine-ABCDEFGHIJKL");
        let long = join(&"s".repeat(100), &"l".repeat(100), "ABCDEFGHIJKL", 64);
        assert_eq!(long, format!("{}-{}-ABCDEFGHIJKL", "s".repeat(25), "l".repeat(25)));
        let short_stack = join("stack", &"l".repeat(100), "ABCDEFGHIJKL", 63);
        assert_eq!((short_stack.len(), short_stack.starts_with("stack-llll")), (63, true));
    }
}
