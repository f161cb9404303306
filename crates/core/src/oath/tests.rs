//! The published vectors of both RFCs, an independent implementation as an oracle, and typed forms.

use proptest::prelude::*;

use super::*;
use crate::time::Millis;

const KEY_20: &[u8] = b"12345678901234567890";
const KEY_32: &[u8] = b"12345678901234567890123456789012";
const KEY_64: &[u8] = b"1234567890123456789012345678901234567890123456789012345678901234";

#[test]
fn passcodes_are_those_of_rfc_4226_appendix_d() {
    let expected = [
        "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
        "520489",
    ];
    for (counter, passcode) in (0..).zip(expected) {
        assert_eq!(hotp(KEY_20, counter, Digits::Six, Algorithm::Sha1).expose(), passcode);
    }
}

#[test]
fn passcodes_are_those_of_rfc_6238_appendix_b() {
    let expected: [(i64, [&str; 3]); 6] = [
        (59, ["94287082", "46119246", "90693936"]),
        (1_111_111_109, ["07081804", "68084774", "25091201"]),
        (1_111_111_111, ["14050471", "67062674", "99943326"]),
        (1_234_567_890, ["89005924", "91819424", "93441116"]),
        (2_000_000_000, ["69279037", "90698825", "38618901"]),
        (20_000_000_000, ["65353130", "77737706", "47863826"]),
    ];
    for (seconds, passcodes) in expected {
        let step = u64::try_from(time_step(Millis(seconds * 1_000), 30)).unwrap();
        let computed = [
            hotp(KEY_20, step, Digits::Eight, Algorithm::Sha1),
            hotp(KEY_32, step, Digits::Eight, Algorithm::Sha256),
            hotp(KEY_64, step, Digits::Eight, Algorithm::Sha512),
        ];
        assert_eq!(computed.each_ref().map(PasscodeText::expose), passcodes, "{seconds}");
    }
}

#[test]
fn a_step_changes_exactly_at_its_border() {
    assert_eq!(time_step(Millis(0), 60), 0);
    assert_eq!(time_step(Millis(59_999), 60), 0);
    assert_eq!(time_step(Millis(60_000), 60), 1);
    assert_eq!(time_step(Millis(-1), 60), -1);
    assert_eq!(time_step(Millis(29_999), 30), 0);
    assert_eq!(time_step(Millis(30_000), 30), 1);
    assert_eq!(time_step(Millis(5_000), 0), 5);
}

#[test]
fn a_typed_passcode_is_told_from_what_is_none() {
    let parse = |text: &str| Passcode::parse(text, Digits::Six).err();
    assert_eq!(parse("123456"), None);
    for text in ["", " ", "　-　"] {
        assert_eq!(parse(text), Some(PasscodeError::Empty), "{text:?}");
    }
    for text in ["12345", "1234567", "123 456 7"] {
        assert_eq!(parse(text), Some(PasscodeError::Length), "{text:?}");
    }
    for text in ["12345a", "123.456", "+12345", "12345六", "１２３４５Ａ"] {
        assert_eq!(parse(text), Some(PasscodeError::Digits), "{text:?}");
    }
    assert!(Passcode::parse("12345678", Digits::Eight).is_ok());
    assert!(Passcode::parse("1234567", Digits::Seven).is_ok());
}

#[test]
fn passcodes_hide_from_debug_prints() {
    let computed = hotp(KEY_20, 0, Digits::Six, Algorithm::Sha1);
    assert_eq!(format!("{computed:?}"), "PasscodeText(redacted)");
    let typed = Passcode::parse("755224", Digits::Six).unwrap();
    assert_eq!(format!("{typed:?}"), "Passcode(redacted)");
}

#[test]
fn a_passcode_of_another_length_never_matches() {
    let eight = hotp(KEY_20, 0, Digits::Eight, Algorithm::Sha1);
    let typed = Passcode::parse(&eight.expose()[2..], Digits::Six).unwrap();
    assert!(!typed.matches(&eight));
    assert!(typed.matches(&hotp(KEY_20, 0, Digits::Six, Algorithm::Sha1)));
}

#[test]
fn a_number_of_digits_is_six_seven_or_eight() {
    for count in 6..=8u32 {
        let digits = Digits::try_from(count).unwrap();
        assert_eq!(u32::try_from(digits.count()).unwrap(), count);
    }
    for count in [0, 5, 9, 262] {
        assert_eq!(Digits::try_from(count), Err(DigitsError(count)));
    }
}

fn any_algorithm() -> impl Strategy<Value = Algorithm> {
    proptest::sample::select(Algorithm::ALL)
}

fn any_digits() -> impl Strategy<Value = Digits> {
    proptest::sample::select(vec![Digits::Six, Digits::Seven, Digits::Eight])
}

/// One passcode as different people type it: full-width or not, with separators anywhere.
fn as_typed(passcode: &str, wide: u8, separators: &[(usize, char)]) -> String {
    let mut characters: Vec<char> = passcode
        .chars()
        .enumerate()
        .map(|(place, c)| {
            let digit = u32::from(c) - u32::from('0');
            if wide & (1 << place) == 0 { c } else { char::from_u32(0xff10 + digit).unwrap() }
        })
        .collect();
    for (place, separator) in separators {
        characters.insert(place % (characters.len() + 1), *separator);
    }
    characters.into_iter().collect()
}

proptest! {
    #[test]
    fn an_independent_implementation_computes_the_same(
        key in proptest::collection::vec(any::<u8>(), 1..100),
        seconds in 0u32..=u32::MAX,
        period in proptest::sample::select(vec![30u32, 60]),
        algorithm in any_algorithm(),
        digits in any_digits(),
    ) {
        let oracle = totp_rs::Builder::new()
            .with_secret(key.clone())
            .with_algorithm(match algorithm {
                Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
                Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
                Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
            })
            .with_digits(u8::try_from(digits.count()).unwrap())
            .with_step_duration(u64::from(period))
            .build_noncompliant();
        let step = time_step(Millis(i64::from(seconds) * 1_000), period);
        let ours = hotp(&key, u64::try_from(step).unwrap(), digits, algorithm);
        let theirs = oracle.generate(u64::from(seconds)).to_string();
        prop_assert_eq!(ours.expose(), theirs);
    }

    #[test]
    fn every_way_of_typing_a_passcode_is_the_same_passcode(
        counter in any::<u64>(),
        digits in any_digits(),
        wide in any::<u8>(),
        separators in proptest::collection::vec(
            (any::<usize>(), proptest::sample::select(vec![' ', '　', '-', '－', 'ー', '−', '\t'])), 0..5),
    ) {
        let computed = hotp(KEY_32, counter, digits, Algorithm::Sha256);
        let typed = as_typed(computed.expose(), wide, &separators);
        prop_assert!(Passcode::parse(&typed, digits).unwrap().matches(&computed), "{}", typed);
    }

    #[test]
    fn one_wrong_digit_never_matches(counter in any::<u64>(), place in 0usize..6, add in 1u8..10) {
        let computed = hotp(KEY_32, counter, Digits::Six, Algorithm::Sha256);
        let mut typed = computed.expose().as_bytes().to_vec();
        typed[place] = b'0' + (typed[place] - b'0' + add) % 10;
        let typed = String::from_utf8(typed).unwrap();
        prop_assert!(!Passcode::parse(&typed, Digits::Six).unwrap().matches(&computed));
    }
}
