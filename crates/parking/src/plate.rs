//! Number plates: normalisation, recognition of the French forms, and the keyed hash under which they are stored.

mod redaction;

use std::fmt;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

pub use redaction::{speaks_of_plates, without_plates};

/// The longest plate kept; the longest real ones have eleven characters.
const MAX_LENGTH: usize = 16;

/// A plate in its normal form: upper case, letters and digits only.
///
/// It is personal data: it neither prints itself nor serialises.
#[derive(Clone, PartialEq, Eq)]
pub struct Plate(String);

/// A plate as a message tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenPlate {
    /// As a camera read it.
    Clear(Plate),
    /// As [`without_plates`] left it in a refused message that comes again.
    Hashed(PlateHash),
}

impl SeenPlate {
    /// The keyed hash under which it is stored.
    #[must_use]
    pub fn hash(&self, key: &PlateKey) -> PlateHash {
        match self {
            Self::Clear(plate) => plate.hash(key),
            Self::Hashed(hash) => hash.clone(),
        }
    }
}

/// The form of a plate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlateForm {
    /// French since 2009: `AA-123-AA`.
    Siv,
    /// French until 2009: `1234 AB 75`.
    Fni,
    /// Foreign, diplomatic, or unknown; never a reason to reject.
    Other,
}

impl Plate {
    /// Normalises a plate as a camera or a person wrote it; `None` when no letter or digit is left, or more than 16.
    #[must_use]
    pub fn normalise(text: &str) -> Option<Self> {
        let plate: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect();
        (1..=MAX_LENGTH).contains(&plate.chars().count()).then_some(Self(plate))
    }

    /// The normal form in clear. Only for what the law lets us keep in clear.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Recognises the French forms.
    #[must_use]
    pub fn form(&self) -> PlateForm {
        let bytes = self.0.as_bytes();
        if is_siv(bytes) {
            PlateForm::Siv
        } else if is_fni(bytes) {
            PlateForm::Fni
        } else {
            PlateForm::Other
        }
    }

    /// The keyed hash (HMAC-SHA256, hexadecimal) under which the plate is stored.
    ///
    /// Keyed, because a plain hash of the few hundred million possible plates is undone in seconds.
    #[must_use]
    pub fn hash(&self, key: &PlateKey) -> PlateHash {
        let mut mac = key.0.clone();
        mac.update(self.0.as_bytes());
        PlateHash(hex::encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Plate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plate(..)")
    }
}

/// `AA123AA` without I, O, U; the pair SS is never given out, nor WW on the left (WW marks provisional plates, which
/// have another form).
fn is_siv(plate: &[u8]) -> bool {
    let letter = |b: &u8| b.is_ascii_uppercase() && !matches!(b, b'I' | b'O' | b'U');
    match plate {
        [left @ .., d1, d2, d3, r1, r2] if left.len() == 2 => {
            left.iter().chain([r1, r2]).all(letter)
                && [d1, d2, d3].iter().all(|b| b.is_ascii_digit())
                && [*d1, *d2, *d3] != *b"000"
                && left != b"SS"
                && left != b"WW"
                && [*r1, *r2] != *b"SS"
        }
        _ => false,
    }
}

/// One to four digits, one to three letters, then a department: `01` to `95`, `2A`, `2B`, or `971` to `976`.
fn is_fni(plate: &[u8]) -> bool {
    let digits = plate.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = &plate[digits..];
    let letters = rest.iter().take_while(|b| b.is_ascii_uppercase()).count();
    (1..=4).contains(&digits) && (1..=3).contains(&letters) && is_department(&rest[letters..])
}

fn is_department(code: &[u8]) -> bool {
    match code {
        b"2A" | b"2B" => true,
        [tens, units] => {
            let digits = tens.is_ascii_digit() && units.is_ascii_digit();
            digits && (1..=95).contains(&((tens - b'0') * 10 + (units - b'0')))
        }
        [b'9', b'7', last] => (b'1'..=b'6').contains(last),
        _ => false,
    }
}

/// The secret key of plate hashes.
#[derive(Clone)]
pub struct PlateKey(Hmac<Sha256>);

impl PlateKey {
    /// A key from a secret's bytes.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        // HMAC takes keys of any length: the error type is a formality of the trait.
        let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap_or_else(|_| unreachable!());
        Self(mac)
    }
}

impl fmt::Debug for PlateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlateKey(..)")
    }
}

/// A plate's keyed hash, 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlateHash(String);

/// A text that is not a plate's hash. It is not repeated: it might be a plate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a plate's hash has 64 lower-case hexadecimal digits")]
pub struct InvalidPlateHash;

impl PlateHash {
    /// The hash as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PlateHash {
    type Error = InvalidPlateHash;

    fn try_from(text: String) -> Result<Self, InvalidPlateHash> {
        let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if digits && text.len() == 64 { Ok(Self(text)) } else { Err(InvalidPlateHash) }
    }
}

impl From<PlateHash> for String {
    fn from(hash: PlateHash) -> String {
        hash.0
    }
}

impl fmt::Display for PlateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plate(text: &str) -> Plate {
        Plate::normalise(text).unwrap()
    }

    #[test]
    fn forms_are_recognised_however_they_are_written() {
        for siv in ["AA-123-AA", "aa 123 aa", "GB001ZZ", "AA·123·WW"] {
            assert_eq!(plate(siv).form(), PlateForm::Siv, "{siv}");
        }
        for fni in ["1234 AB 75", "1 ABC 2A", "12-AB-971", "123 ABC 01"] {
            assert_eq!(plate(fni).form(), PlateForm::Fni, "{fni}");
        }
        for other in
            ["AI-123-AA", "SS-123-AA", "AA-123-SS", "WW-123-AA", "AA-000-AA", "M-AB 1234", "1234 AB 96", "КА1234"]
        {
            assert_eq!(plate(other).form(), PlateForm::Other, "{other}");
        }
    }

    #[test]
    fn nothing_is_no_plate() {
        for text in ["", " - ", "ABCDEFGHIJKLMNOPQ"] {
            assert!(Plate::normalise(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_hash_is_hmac_sha256() {
        // RFC 4231, test case 2, whose message is not a plate: the primitive, and then our use of it.
        let key = PlateKey::new(b"Jefe");
        let raw = Plate("what do ya want for nothing?".into()).hash(&key);
        assert_eq!(raw.as_str(), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_eq!(plate("aa-123-aa").hash(&key), plate("AA 123 AA").hash(&key));
        assert_ne!(plate("AA123AA").hash(&key), plate("AA123AA").hash(&PlateKey::new(b"other")));
    }

    #[test]
    fn hashes_are_read_back_and_plates_are_not() {
        let hash = plate("AA123AA").hash(&PlateKey::new(b"key"));
        assert_eq!(PlateHash::try_from(String::from(hash.clone())), Ok(hash.clone()));
        for bad in ["AA123AA", &hash.as_str().to_uppercase(), &hash.as_str()[1..]] {
            assert_eq!(PlateHash::try_from(bad.to_owned()), Err(InvalidPlateHash));
        }
    }

    #[test]
    fn a_plate_does_not_show_itself() {
        assert_eq!(format!("{:?}", plate("AA-123-AA")), "Plate(..)");
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "[ -~]{0,20}") {
            if let Some(once) = Plate::normalise(&text) {
                prop_assert_eq!(Plate::normalise(once.reveal()), Some(once));
            }
        }

        #[test]
        fn recognition_takes_anything(text in "\\PC{1,16}") {
            if let Some(plate) = Plate::normalise(&text) {
                let _ = plate.form();
            }
        }
    }
}
