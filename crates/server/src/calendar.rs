//! Days and years as the institution's zone counts them.

use jiff::{Timestamp, Zoned, civil::Date, tz::TimeZone};
use warifu_core::time::Millis;

fn zoned(at: Millis, zone: &TimeZone) -> Zoned {
    Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::MAX).to_zoned(zone.clone())
}

fn millis(at: &Zoned) -> Millis {
    Millis(at.timestamp().as_millisecond())
}

/// A moment as programs read it (RFC 3339, UTC).
pub(crate) fn rfc3339(at: Millis) -> Option<String> {
    Timestamp::from_millisecond(at.0).ok().map(|t| t.to_string())
}

/// The first moment of the day.
pub(crate) fn day_start(at: Millis, zone: &TimeZone) -> Millis {
    zoned(at, zone).start_of_day().map_or(at, |start| millis(&start))
}

/// The first moment of the next day.
pub(crate) fn next_day(at: Millis, zone: &TimeZone) -> Millis {
    let tomorrow = zoned(at, zone).tomorrow().and_then(|day| day.start_of_day());
    tomorrow.map_or(at, |start| millis(&start))
}

/// A number that is the same all day and another on any other day.
pub(crate) fn day_number(at: Millis, zone: &TimeZone) -> i64 {
    let day = zoned(at, zone).date();
    i64::from(day.year()) * 10_000 + i64::from(day.month()) * 100 + i64::from(day.day())
}

/// The end of the same day some years later.
pub(crate) fn years_later(at: Millis, years: u32, zone: &TimeZone) -> Millis {
    let span = jiff::Span::new().years(i64::from(years));
    let later = zoned(at, zone).checked_add(span).unwrap_or_else(|_| zoned(at, zone));
    later.end_of_day().map_or(at, |end| millis(&end))
}

/// The month's name for a partition and its bounds, in UTC; `ahead` months from now.
pub(crate) fn month(at: Millis, ahead: i32) -> Option<(String, Millis, Millis)> {
    let first = zoned(at, &TimeZone::UTC)
        .first_of_month()
        .and_then(|day| day.checked_add(jiff::Span::new().months(ahead)))
        .and_then(|day| day.start_of_day())
        .ok()?;
    let next = first.checked_add(jiff::Span::new().months(1)).ok()?;
    Some((first.strftime("audit_%Y_%m").to_string(), millis(&first), millis(&next)))
}

/// Whole seconds until a moment, at least one.
pub(crate) fn seconds_until(now: Millis, until: Millis) -> u64 {
    until.0.saturating_sub(now.0).max(1).unsigned_abs().div_ceil(1_000)
}

/// A moment as people type it: RFC 3339, or a day, which begins at midnight in the zone.
pub(crate) fn read(text: &str, zone: &TimeZone) -> Option<Millis> {
    match text.parse::<Timestamp>() {
        Ok(at) => Some(Millis(at.as_millisecond())),
        Err(_) => Some(millis(&day(text)?.to_zoned(zone.clone()).ok()?)),
    }
}

/// The same as the end of something: of a day all of it is meant.
pub(crate) fn read_end(text: &str, zone: &TimeZone) -> Option<Millis> {
    match day(text) {
        Some(day) => Some(millis(&day.tomorrow().ok()?.to_zoned(zone.clone()).ok()?)),
        None => read(text, zone),
    }
}

// `2026-11-22`, and nothing behind it: a time of day without a zone would be dropped unseen.
fn day(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_ends_something_is_meant_whole_and_a_time_without_a_zone_is_none() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let begin = read("2026-12-31", &tokyo).unwrap();
        assert_eq!(read_end("2026-12-31", &tokyo).unwrap().0, begin.0 + 86_400_000);
        let moment = "2026-12-31T10:00:00+09:00";
        assert_eq!(read_end(moment, &tokyo), read(moment, &tokyo));
        for text in ["2026-12-31 10:00", "2026-12-31T10:00", "2026-13-01", "tomorrow", ""] {
            assert_eq!((read(text, &tokyo), read_end(text, &tokyo)), (None, None), "{text}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_of_the_institution_not_of_utc() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        // 2026-11-22T15:30Z is half past midnight of the 23rd in Tokyo.
        let at = Millis(1_795_361_400_000);
        assert_eq!(day_number(at, &tokyo), 20_261_123);
        assert_eq!(day_start(at, &tokyo).0, at.0 - 30 * 60_000);
        assert_eq!(next_day(at, &tokyo).0, at.0 + (23 * 60 + 30) * 60_000);
    }

    #[test]
    fn three_years_end_with_the_same_day_even_from_a_leap_day() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let leap_day = Millis(1_835_400_000_000); // 2028-02-29T00:00+09:00 and a bit
        let end = years_later(leap_day, 3, &tokyo);
        assert_eq!(day_number(end, &tokyo), 20_310_228);
    }

    #[test]
    fn months_of_the_audit_trail_follow_each_other() {
        let (name, from, to) = month(Millis(1_795_361_400_000), 0).unwrap();
        assert_eq!(name, "audit_2026_11");
        let (next, begins, _) = month(Millis(1_795_361_400_000), 1).unwrap();
        assert_eq!((next.as_str(), begins), ("audit_2026_12", to));
        assert!(from < to);
    }
}
