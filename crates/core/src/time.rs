//! Moments and spans of time. Owns how both are written; reads no clock of its own.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// The moment `span` later; stays at the end of time when there is none.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(whole_millis(span)))
    }

    /// The moment `span` earlier; stays at the beginning of time when there is none.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(whole_millis(span)))
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The number that the database keeps.
    #[must_use]
    pub const fn as_i64(self) -> i64 {
        self.0
    }
}

/// Whoever knows what time it is; the only door through which time comes in.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Millis;
}

/// A length of time in a policy, kept as it was written: `30m`, `60s`, `72h`, `7d`.
#[derive(Clone, Copy)]
pub struct Span {
    amount: u32,
    unit: Unit,
}

#[derive(Clone, Copy)]
enum Unit {
    Seconds,
    Minutes,
    Hours,
    Days,
}

/// A text that is no span: a whole number and one of s, m, h, d are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a span is a whole number and one of s, m, h, d, like 30m")]
pub struct SpanError;

impl Span {
    /// A span of so many seconds.
    #[must_use]
    pub const fn of_seconds(amount: u32) -> Self {
        Self { amount, unit: Unit::Seconds }
    }

    /// A span of so many minutes (65,535 at most, so that every span has a number of seconds).
    #[must_use]
    pub const fn of_minutes(amount: u16) -> Self {
        Self { amount: amount as u32, unit: Unit::Minutes }
    }

    /// A span of so many hours.
    #[must_use]
    pub const fn of_hours(amount: u16) -> Self {
        Self { amount: amount as u32, unit: Unit::Hours }
    }

    /// A span of so many days, of 24 hours each.
    #[must_use]
    pub const fn of_days(amount: u8) -> Self {
        Self { amount: amount as u32, unit: Unit::Days }
    }

    /// Its length in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.amount.saturating_mul(self.unit.seconds())
    }

    /// Its length for sums with [`Millis`].
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.seconds() as u64)
    }
}

impl Unit {
    const fn seconds(self) -> u32 {
        match self {
            Self::Seconds => 1,
            Self::Minutes => 60,
            Self::Hours => 3_600,
            Self::Days => 86_400,
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::Seconds => 's',
            Self::Minutes => 'm',
            Self::Hours => 'h',
            Self::Days => 'd',
        }
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let last = text.chars().next_back().ok_or(SpanError)?;
        let unit = [Unit::Seconds, Unit::Minutes, Unit::Hours, Unit::Days]
            .into_iter()
            .find(|unit| unit.letter() == last)
            .ok_or(SpanError)?;
        let number = text.strip_suffix(last).ok_or(SpanError)?;
        // `parse` alone would take `+5` and `007`.
        if (number.starts_with('0') && number != "0") || !number.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(SpanError);
        }
        let amount: u32 = number.parse().map_err(|_| SpanError)?;
        amount.checked_mul(unit.seconds()).ok_or(SpanError)?;
        Ok(Self { amount, unit })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.amount, self.unit.letter())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Span {
    fn eq(&self, other: &Self) -> bool {
        self.seconds() == other.seconds()
    }
}

impl Eq for Span {}

impl PartialOrd for Span {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Span {
    fn cmp(&self, other: &Self) -> Ordering {
        self.seconds().cmp(&other.seconds())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

fn whole_millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_read_as_people_write_them() {
        for (text, seconds) in [("60s", 60), ("30m", 1_800), ("72h", 259_200), ("7d", 604_800)] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.seconds(), seconds);
            assert_eq!(span.to_string(), text);
            assert_eq!(span.duration(), Duration::from_secs(u64::from(seconds)));
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in [
            "",
            "s",
            "5",
            "00s",
            "05m",
            "+5m",
            "-5m",
            "5 m",
            "5w",
            "5M",
            "1.5h",
            "５m",
            "5mm",
            "4294967296s",
            "71582789m",
            "m5",
            " 5m",
            "5分",
        ] {
            assert_eq!(text.parse::<Span>(), Err(SpanError), "{text}");
        }
    }

    #[test]
    fn spans_compare_by_their_length() {
        assert_eq!(Span::of_seconds(60), Span::of_minutes(1));
        assert!(Span::of_hours(25) > Span::of_days(1));
        assert!(Span::of_minutes(59) < Span::of_hours(1));
        assert_eq!(Span::of_days(1).seconds(), 86_400);
    }

    #[test]
    fn a_span_keeps_its_unit_in_documents() {
        let span: Span = serde_json::from_str("\"72h\"").unwrap();
        assert_eq!(serde_json::to_string(&span).unwrap(), "\"72h\"");
        assert!(serde_json::from_str::<Span>("72").is_err());
        assert!(serde_json::from_str::<Span>("\"soon\"").is_err());
    }

    #[test]
    fn sums_of_moments_saturate() {
        let day = Duration::from_hours(24);
        assert_eq!(Millis(5).plus(day), Millis(86_400_005));
        assert_eq!(Millis(86_400_005).minus(day), Millis(5));
        assert_eq!(Millis(i64::MAX).plus(day), Millis(i64::MAX));
        assert_eq!(Millis(i64::MIN).minus(Duration::MAX), Millis(i64::MIN));
        assert_eq!(Millis(0).plus(Duration::MAX), Millis(i64::MAX));
        assert_eq!(Millis(1_500).since(Millis(500)), Duration::from_secs(1));
        assert_eq!(Millis(500).since(Millis(1_500)), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn every_span_reads_back_what_it_wrote(amount in 0u32..50_000, letter in "[smhd]") {
            let text = format!("{amount}{letter}");
            if let Ok(span) = text.parse::<Span>() {
                prop_assert_eq!(span.to_string(), text);
            } else {
                prop_assert!(letter == "d" && amount > 49_710);
            }
        }
    }
}
