//! Rules for static passwords. They are judged and kept exactly as typed, never normalised.

use crate::ids::LoginId;

worded! {
    /// Which of a customer's two static passwords.
    StaticPassword {
        /// The one that logs in.
        Login = "login",
        /// The one that is asked before a change.
        Confirmation = "confirmation",
    }
}

/// Why a text may not become a static password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StaticPasswordError {
    /// It has too few characters.
    #[error("the password is too short")]
    Short,
    /// It has too many characters.
    #[error("the password is too long")]
    Long,
    /// It holds something else than half-width letters, digits and symbols.
    #[error("the password holds characters that are not half-width")]
    Width,
    /// Many people use it.
    #[error("the password is a common one")]
    Common,
    /// It is the login ID or the other password.
    #[error("the password is the login ID or another password of the customer")]
    Same,
}

/// Whether a text may become a static password of this login ID, where that is known; `other_matches` says whether it is given together
/// with the customer's other one and equals it. Stored ones are compared with a proved one only.
pub fn check_static_password(
    new: &str,
    min: u32,
    max: u32,
    login_id: Option<&LoginId>,
    other_matches: bool,
) -> Result<(), StaticPasswordError> {
    let length = u32::try_from(new.len()).unwrap_or(u32::MAX);
    if !new.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        Err(StaticPasswordError::Width)
    } else if length < min {
        Err(StaticPasswordError::Short)
    } else if length > max {
        Err(StaticPasswordError::Long)
    } else if other_matches || login_id.is_some_and(|id| new.eq_ignore_ascii_case(id.as_str())) {
        Err(StaticPasswordError::Same)
    } else if is_common(new) {
        Err(StaticPasswordError::Common)
    } else {
        Ok(())
    }
}

fn is_common(password: &str) -> bool {
    let mut bytes = password.bytes();
    let first = bytes.next();
    bytes.all(|b| Some(b) == first)
        || COMMON.lines().any(|common| common.eq_ignore_ascii_case(password))
}

// The most used passwords of 8 characters and more, in lower case, one a line: from the frequency
// list of the zxcvbn project (MIT), with Japanese ones added.
const COMMON: &str = include_str!("common_passwords.txt");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(new: &str) -> Result<(), StaticPasswordError> {
        check_static_password(new, 8, 64, LoginId::parse("hanako.yamada").ok().as_ref(), false)
    }

    #[test]
    fn a_long_enough_uncommon_password_is_taken() {
        for good in ["kT7#mq2z", "four calm whales", " ~!a b c", &"xY9-".repeat(16)] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn each_fault_of_a_password_is_told() {
        use StaticPasswordError::{Common, Long, Same, Short, Width};
        for (new, fault) in [
            ("", Short),
            ("kT7#mq2", Short),
            (&*("xY9-".repeat(16) + "z"), Long),
            ("ｋT7#mq2z", Width),
            ("kT7#mq2あ", Width),
            ("kT7#mq2\t", Width),
            ("kT7#mq2\u{7f}", Width),
            ("password", Common),
            ("PassWord1", Common),
            ("1qaz2wsx", Common),
            ("doraemon", Common),
            ("aaaaaaaaaaaa", Common),
            ("Hanako.Yamada", Same),
        ] {
            assert_eq!(check(new), Err(fault), "{new:?}");
        }
        let login_id = LoginId::parse("hanako.yamada").unwrap();
        assert_eq!(check_static_password("kT7#mq2z", 8, 64, Some(&login_id), true), Err(Same));
        assert_eq!(check_static_password("kT7#mq2z", 9, 64, None, false), Err(Short));
    }

    #[test]
    fn the_list_of_common_passwords_is_clean() {
        let lines: Vec<_> = COMMON.lines().collect();
        assert!(lines.len() >= 300);
        assert!(lines.is_sorted());
        for (place, line) in lines.iter().enumerate() {
            assert!(line.len() >= 8, "{line} is too short to matter");
            assert!(
                line.bytes().all(|b| (b'!'..=b'~').contains(&b) && !b.is_ascii_uppercase()),
                "{line}"
            );
            assert!(place == 0 || lines[place - 1] != *line, "{line} twice");
        }
    }

    proptest! {
        #[test]
        fn a_password_is_never_normalised(place in 0usize..8, wide in "[\u{ff01}-\u{ff5e}]") {
            let mut password = "kT7#mq2z".to_owned();
            password.insert_str(place, &wide);
            prop_assert_eq!(check(&password), Err(StaticPasswordError::Width));
        }
    }
}
