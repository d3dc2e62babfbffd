//! The time zone in which times are shown.

use super::datetime::DateTime;

/// A time zone.
#[derive(Clone, Copy, Debug)]
pub enum Zone {
    /// This many minutes ahead of UTC, in a list without days: times have their date.
    Dated(i32),
    /// This many minutes ahead of UTC.
    Ahead(i32),
    /// The reader's zone, by the browser's calendar.
    Local(fn(u64) -> DateTime),
}

impl Zone {
    /// Returns the date and time at `time`, in milliseconds since 1970.
    pub fn at(self, time: u64) -> DateTime {
        match self {
            Self::Ahead(minutes) | Self::Dated(minutes) => DateTime::ahead(time, minutes),
            Self::Local(at) => at(time),
        }
    }

    /// Returns the time that stands beside a message.
    pub fn short(self, time: u64) -> String {
        match self {
            Self::Dated(_) => self.at(time).dated(),
            _ => self.at(time).short(),
        }
    }

    /// Returns the date and time to the second.
    pub fn full(self, time: u64) -> String {
        self.at(time).full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_its_date_where_the_list_has_no_days() {
        let time = 1_776_157_503_250;
        for (zone, short, full) in [
            (Zone::Dated(0), "04-14 09:05", "2026-04-14 09:05:03"),
            (Zone::Dated(-600), "04-13 23:05", "2026-04-13 23:05:03"),
            (Zone::Ahead(60), "10:05", "2026-04-14 10:05:03"),
            (Zone::Local(|time| DateTime::ahead(time, -60)), "08:05", "2026-04-14 08:05:03"),
        ] {
            assert_eq!((zone.short(time).as_str(), zone.full(time).as_str()), (short, full));
        }
    }
}
