//! Days and times of day in the person's time zone.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Returns the day of a time in milliseconds since 1970.
pub(crate) fn day(time: u64, zone: &TimeZone) -> Date {
    zone.to_datetime(timestamp(time)).date()
}

/// Returns the time of day, as `12:30`.
pub(crate) fn clock(time: u64, zone: &TimeZone) -> String {
    let time = zone.to_datetime(timestamp(time)).time();
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// Returns a day as it is written in a line, as `Sat 28 Nov 2026`.
pub(crate) fn day_name(day: Date) -> String {
    day.strftime("%a %-d %b %Y").to_string()
}

/// A time that no calendar has is shown as the nearest one that is.
fn timestamp(time: u64) -> Timestamp {
    Timestamp::from_millisecond(i64::try_from(time).unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_day_of_its_zone() {
        let east = TimeZone::fixed(jiff::tz::offset(8));
        let time = 1_795_882_200_000; // 2026-11-28T18:30 in London.
        assert_eq!((clock(time, &TimeZone::UTC).as_str(), clock(time, &east).as_str()), ("16:10", "00:10"));
        assert_eq!(day_name(day(time, &TimeZone::UTC)), "Sat 28 Nov 2026");
        assert_eq!(day_name(day(time, &east)), "Sun 29 Nov 2026");
        assert_eq!(day(u64::MAX, &TimeZone::UTC).year(), 9999);
    }
}
