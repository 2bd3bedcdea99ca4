//! The length of an SMS: the alphabet of GSM 03.38 and the parts that a text is cut into.

/// The basic alphabet: one septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension: an escape and one more septet.
const EXTENSION: &str = "^{}\\[~]|€\u{c}";

/// What a text costs in parts: 160 septets alone, 153 each when several; 70 and 67 characters of UTF-16 when a letter is in neither
/// alphabet.
#[must_use]
pub fn parts(text: &str) -> usize {
    let septets: Option<usize> = text.chars().map(septets).sum();
    match septets {
        Some(0..=160) => 1,
        Some(septets) => septets.div_ceil(153),
        None => match text.encode_utf16().count() {
            0..=70 => 1,
            units => units.div_ceil(67),
        },
    }
}

fn septets(letter: char) -> Option<usize> {
    if BASIC.contains(letter) {
        return Some(1);
    }
    EXTENSION.contains(letter).then_some(2)
}

/// The text with letters of the alphabet where another is as good: one `ê` would halve what a part holds. Letters without a
/// likeness, of other scripts, stay.
#[must_use]
pub fn in_gsm_alphabet(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            _ if septets(letter).is_some() => written.push(letter),
            'á' | 'â' | 'ã' => written.push('a'),
            'À' | 'Á' | 'Â' | 'Ã' => written.push('A'),
            'ç' => written.push('c'),
            'ê' | 'ë' => written.push('e'),
            'È' | 'Ê' | 'Ë' => written.push('E'),
            'í' | 'î' | 'ï' => written.push('i'),
            'Ì' | 'Í' | 'Î' | 'Ï' => written.push('I'),
            'ó' | 'ô' | 'õ' => written.push('o'),
            'Ò' | 'Ó' | 'Ô' | 'Õ' => written.push('O'),
            'ú' | 'û' => written.push('u'),
            'Ù' | 'Ú' | 'Û' => written.push('U'),
            'ÿ' => written.push('y'),
            'œ' => written.push_str("oe"),
            'Œ' => written.push_str("OE"),
            '‘' | '’' | '`' => written.push('\''),
            '«' | '»' | '“' | '”' => written.push('"'),
            '–' | '—' | '‑' => written.push('-'),
            '…' => written.push_str("..."),
            '\u{a0}' | '\u{202f}' | '\t' => written.push(' '),
            other => written.push(other),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_those_of_the_standard() {
        assert_eq!(BASIC.chars().count(), 127, "the escape is the 128th");
        for (text, wanted) in [
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(306), 2),
            ("a".repeat(307), 3),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            ("ê".repeat(70), 1),
            ("ê".repeat(71), 2),
            ("🅿".repeat(36), 2),
            (String::new(), 1),
        ] {
            assert_eq!(parts(&text), wanted, "{text}");
        }
    }

    #[test]
    fn french_fits_the_alphabet() {
        let text = in_gsm_alphabet("L’hôtel « Cœur » : reçu à 12 h 30 – être prêt…");
        assert_eq!(text, "L'hotel \" Coeur \" : recu à 12 h 30 - etre pret...");
    }

    proptest! {
        #[test]
        fn writing_in_the_alphabet_is_done_once_and_never_makes_latin_text_longer_in_parts(text in "[a-zA-Zàâçéèêëîïôùûüœ0-9 .,]{0,400}") {
            let written = in_gsm_alphabet(&text);
            prop_assert_eq!(in_gsm_alphabet(&written), written.clone());
            prop_assert!(written.chars().all(|letter| septets(letter).is_some()));
            prop_assert!(parts(&written) <= parts(&text) || text.contains('œ'));
        }
    }
}
