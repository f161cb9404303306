//! A sealed field opens in its own place under its own key and nowhere else; so does a MAC fit.

use proptest::prelude::*;

use crate::{
    StoreError,
    seal::{Kek, Keys, Place},
    testing::Stream,
};

const PLACE: Place<'_> = Place {
    table: "verifiers",
    column: "sealed_key",
    institution: "ins_1",
    customer: "cus_1",
    kind: "software",
    id: "tok_1",
    version: 1,
};

fn keys(key_id: u32, seed: u64) -> Keys {
    let kek = Kek::new(1, [7; 32]);
    let sealed = kek.new_data_key("ins_1", key_id, &Stream::new(seed)).unwrap();
    kek.open_data_key("ins_1", key_id, &sealed).unwrap()
}

/// Every place that differs from `PLACE` in one part, and pairs whose parts run together alike.
fn other_places() -> Vec<Place<'static>> {
    vec![
        Place { table: "tokens", ..PLACE },
        Place { column: "root", ..PLACE },
        Place { institution: "ins_2", ..PLACE },
        Place { customer: "cus_2", ..PLACE },
        Place { customer: "", ..PLACE },
        Place { kind: "hardware", ..PLACE },
        Place { id: "tok_2", ..PLACE },
        Place { version: 2, ..PLACE },
        Place { version: -1, ..PLACE },
        Place { table: "verifierss", column: "ealed_key", ..PLACE },
        Place { institution: "ins_1cus_1", customer: "", ..PLACE },
        Place { kind: "softwaretok_1", id: "", ..PLACE },
        Place { kind: "", id: "softwaretok_1", ..PLACE },
    ]
}

fn refused<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Corrupt(_)))
}

#[test]
fn a_sealed_field_opens_in_its_place() {
    let keys = keys(1, 1);
    for plain in [&b""[..], b"seed", &[0; 4_096]] {
        let sealed = keys.seal(&PLACE, plain, &Stream::new(2)).unwrap();
        assert_eq!(keys.open(&PLACE, &sealed).unwrap().expose(), plain);
        assert_eq!(sealed.len(), 1 + 4 + 12 + plain.len() + 16);
        assert_eq!(sealed[..5], [1, 0, 0, 0, 1]);
    }
}

#[test]
fn a_field_moved_to_another_place_is_refused() {
    let keys = keys(1, 1);
    let sealed = keys.seal(&PLACE, b"seed", &Stream::new(2)).unwrap();
    for place in other_places() {
        assert!(refused(&keys.open(&place, &sealed)), "{place:?}");
    }
}

#[test]
fn the_same_field_sealed_twice_looks_different() {
    let (keys, random) = (keys(1, 1), Stream::new(2));
    let first = keys.seal(&PLACE, b"seed", &random).unwrap();
    let second = keys.seal(&PLACE, b"seed", &random).unwrap();
    assert_ne!(first[5..17], second[5..17]);
    assert_ne!(first[17..], second[17..]);
}

#[test]
fn a_field_under_another_key_is_refused() {
    let sealed = keys(1, 1).seal(&PLACE, b"seed", &Stream::new(2)).unwrap();
    assert!(refused(&keys(1, 9).open(&PLACE, &sealed)), "other key, same number");
    assert!(refused(&keys(2, 1).open(&PLACE, &sealed)), "same bytes, other number");
    let mut newer = sealed;
    newer[0] = 2;
    assert!(refused(&keys(1, 1).open(&PLACE, &newer)), "format of the future");
}

#[test]
fn a_mac_fits_its_value_in_its_place_under_its_key_only() {
    let keys = keys(1, 1);
    let tag = keys.mac(&PLACE, b"1234");
    assert_eq!(tag.len(), 32);
    assert!(keys.fits(&PLACE, b"1234", &tag));
    for value in [&b""[..], b"1235", b"12345", b"123"] {
        assert!(!keys.fits(&PLACE, value, &tag), "{value:?}");
    }
    for place in other_places() {
        assert!(!keys.fits(&place, b"1234", &tag), "{place:?}");
    }
    assert!(!self::keys(1, 9).fits(&PLACE, b"1234", &tag));
    for cut in 0..32 {
        assert!(!keys.fits(&PLACE, b"1234", &tag[..cut]), "{cut}");
    }
    assert!(!keys.fits(&PLACE, b"1234", &[&tag[..], &[0]].concat()));
}

#[test]
fn a_data_key_opens_for_its_institution_and_number_under_its_key_only() {
    let kek = Kek::new(1, [7; 32]);
    let sealed = kek.new_data_key("ins_1", 3, &Stream::new(1)).unwrap();
    let keys = kek.open_data_key("ins_1", 3, &sealed).unwrap();
    let field = keys.seal(&PLACE, b"seed", &Stream::new(2)).unwrap();
    let again = kek.open_data_key("ins_1", 3, &sealed).unwrap();
    assert_eq!(again.open(&PLACE, &field).unwrap().expose(), b"seed");

    assert!(refused(&kek.open_data_key("ins_2", 3, &sealed)), "another bank's");
    assert!(refused(&kek.open_data_key("ins_1", 4, &sealed)), "another number");
    assert!(refused(&Kek::new(1, [8; 32]).open_data_key("ins_1", 3, &sealed)), "another key");
    assert!(refused(&Kek::new(2, [7; 32]).open_data_key("ins_1", 3, &sealed)), "another key's id");
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(refused(&kek.open_data_key("ins_1", 3, &changed)), "byte {at}");
        assert!(refused(&kek.open_data_key("ins_1", 3, &sealed[..at])), "cut at {at}");
    }
}

#[test]
fn keys_do_not_show_in_debug_prints() {
    assert_eq!(format!("{:?} {:?}", Kek::new(1, [7; 32]), keys(3, 1)), "Kek(1) Keys(3)");
}

proptest! {
    #[test]
    fn whatever_is_sealed_comes_back(
        plain in proptest::collection::vec(any::<u8>(), 0..300),
        seed in any::<u64>(),
        id in ".{0,20}",
        version in any::<i64>(),
    ) {
        let keys = keys(1, 1);
        let place = Place { id: &id, version, ..PLACE };
        let sealed = keys.seal(&place, &plain, &Stream::new(seed)).unwrap();
        let opened = keys.open(&place, &sealed).unwrap();
        prop_assert_eq!(opened.expose(), &plain[..]);
        prop_assert!(keys.fits(&place, &plain, &keys.mac(&place, &plain)));
    }

    #[test]
    fn one_changed_bit_is_refused(
        plain in proptest::collection::vec(any::<u8>(), 0..60),
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let keys = keys(1, 1);
        let mut sealed = keys.seal(&PLACE, &plain, &Stream::new(3)).unwrap();
        let index = at.index(sealed.len());
        sealed[index] ^= 1u8 << bit;
        prop_assert!(refused(&keys.open(&PLACE, &sealed)));
        let mut tag = keys.mac(&PLACE, &plain);
        tag[at.index(32)] ^= 1u8 << bit;
        prop_assert!(!keys.fits(&PLACE, &plain, &tag));
    }

    #[test]
    fn a_cut_field_is_refused(
        plain in proptest::collection::vec(any::<u8>(), 0..60),
        at in any::<prop::sample::Index>(),
    ) {
        let keys = keys(1, 1);
        let sealed = keys.seal(&PLACE, &plain, &Stream::new(3)).unwrap();
        prop_assert!(refused(&keys.open(&PLACE, &sealed[..at.index(sealed.len())])));
        let longer = [&sealed[..], &[0]].concat();
        prop_assert!(refused(&keys.open(&PLACE, &longer)));
    }

    #[test]
    fn rubbish_never_opens(rubbish in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(refused(&keys(1, 1).open(&PLACE, &rubbish)));
    }
}
