//! What files, directories and datasets are called.

use rand::RngExt;
use rand::rngs::StdRng;

const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Bytes that the longest of the hostile keys has; S3 takes 1,024.
pub const LONGEST_KEY_BYTES: usize = 900;

/// Shapes that break programs which glue strings together or cut at the wrong character.
const HOSTILE: &[&str] = &[
    "say \"hello\"",
    "back\\slash \\u0041\\",
    "two  spaces and a tab\there",
    "dash-vaultjob-dash",
    "grüße-из-東京-🗄",
    "e\u{301}-combining-\u{202e}rtl",
    "percent%2Fplus+and&amp;=?#",
    "quote' or 1=1; $(id) `id` ${HOME}",
    "{\"json\": [true, null]}",
    "<xml attr='1'>]]>",
    "dot.",
    "..almost",
    // The same letters to a reader, composed and not: two names.
    "caf\u{e9}",
    "cafe\u{301}",
    "+plus + plus%2B%20",
    " spaces at both ends ",
    "👩‍🚀🇺🇳-emoji",
    "100%",
    "a,b;c:d*e|f<g>h",
    "~tilde^caret`tick",
    "semi;colon\u{a0}nbsp\u{200b}zero",
    "NUL.txt",
];

/// `len` random letters and digits.
pub fn token(rng: &mut StdRng, len: usize) -> String {
    (0..len).map(|_| char::from(ALPHANUMERIC[rng.random_range(0..ALPHANUMERIC.len())])).collect()
}

/// A hostile name below `parent`: each shape in turn and then one that fills the key up to [`LONGEST_KEY_BYTES`].
pub fn hostile(rng: &mut StdRng, kind: &str, parent: &str, index: usize) -> String {
    let shape = index % (HOSTILE.len() + 1);
    let unique = token(rng, 6);
    if let Some(shape) = HOSTILE.get(shape) {
        // Each shape in the middle, at the begin and at the end of a name.
        return match index / (HOSTILE.len() + 1) % 3 {
            0 => format!("{kind}{shape}-{unique}"),
            1 => format!("{shape}{unique}"),
            _ => format!("{unique}{shape}"),
        };
    }
    let start = format!("{kind}{unique}-");
    let room = LONGEST_KEY_BYTES.saturating_sub(parent.len() + 1 + start.len());
    // Two bytes a letter, so that a cut at a byte would show.
    format!("{start}{}{}", "é".repeat(room / 2), if room % 2 == 1 { "x" } else { "" })
}
