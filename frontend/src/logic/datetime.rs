//! Dates and times as texts.

/// A date and time in some zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime {
    /// The day.
    pub day: Day,
    /// 0 to 23.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
    /// 0 to 59.
    pub second: u32,
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    /// The year.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
}

impl DateTime {
    /// A time, in milliseconds since 1970, on the calendar of UTC. Years beyond 9999 are shown as
    /// 9999.
    pub fn utc(time: u64) -> Self {
        let seconds = (time / 1000).min(253_402_300_799);
        let of_day = (seconds % 86_400) as u32;
        Self { day: Day::from_days(seconds / 86_400), hour: of_day / 3600, minute: of_day / 60 % 60, second: of_day % 60 }
    }

    /// The same in a zone that is `minutes` ahead of UTC.
    pub fn ahead(time: u64, minutes: i32) -> Self {
        Self::utc(time.saturating_add_signed(i64::from(minutes) * 60_000))
    }

    /// The time of day to the minute, as shown beside a message.
    pub fn short(self) -> String {
        pair(self.hour, ':', self.minute)
    }

    /// The time with its day of the year, for a list without days.
    pub fn dated(self) -> String {
        pair(self.day.month, '-', self.day.day) + " " + &self.short()
    }

    /// The date and the time to the second.
    pub fn full(self) -> String {
        self.date() + " " + &self.clock()
    }

    /// The form for `<time datetime>`. The value must be in UTC.
    pub fn iso_utc(self) -> String {
        self.date() + "T" + &self.clock() + "Z"
    }

    fn date(self) -> String {
        let year = self.day.year.to_string();
        "0".repeat(4_usize.saturating_sub(year.len())) + &year + "-" + &pair(self.day.month, '-', self.day.day)
    }

    fn clock(self) -> String {
        pair(self.hour, ':', self.minute) + ":" + &two(self.second)
    }
}

impl Day {
    /// The day before.
    #[must_use]
    pub fn before(self) -> Self {
        let Self { year, month, day } = self;
        match (month, day) {
            (1, 1) => Self { year: year - 1, month: 12, day: 31 },
            (3, 1) => Self { year, month: 2, day: 28 + u32::from(is_leap(year)) },
            (5 | 7 | 10 | 12, 1) => Self { year, month: month - 1, day: 30 },
            (_, 1) => Self { year, month: month - 1, day: 31 },
            _ => Self { year, month, day: day - 1 },
        }
    }

    /// The day that is `days` after 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date
    /// algorithms", `civil_from_days`, for days that are not before 1970).
    fn from_days(days: u64) -> Self {
        let days = days + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        Self { year: year as i32, month: month as u32, day: day as u32 }
    }
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn pair(first: u32, between: char, second: u32) -> String {
    let mut text = two(first);
    text.push(between);
    text + &two(second)
}

fn two(number: u32) -> String {
    let digit = |value: u32| char::from(b'0' + (value % 10) as u8);
    [digit(number / 10), digit(number)].into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        for (time, iso) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (951_868_799_999, "2000-02-29T23:59:59Z"),
            (951_868_800_000, "2000-03-01T00:00:00Z"),
            (1_776_157_503_250, "2026-04-14T09:05:03Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
            (u64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(DateTime::utc(time).iso_utc(), iso);
        }
    }

    #[test]
    fn a_zone_is_minutes_ahead() {
        assert_eq!(DateTime::ahead(1_776_157_503_250, 480).full(), "2026-04-14 17:05:03");
        assert_eq!(DateTime::ahead(1_776_157_503_250, -600).full(), "2026-04-13 23:05:03");
        assert_eq!(DateTime::ahead(0, -600), DateTime::utc(0));
    }

    #[test]
    fn the_day_before_is_known_for_every_day() {
        let day = |days: u64| DateTime::utc(days * 86_400_000).day;
        // To the end of 2100, which is no leap year.
        for days in 1..47_847 {
            assert_eq!(day(days).before(), day(days - 1));
        }
    }

    #[test]
    fn forms() {
        let moment = DateTime::utc(1_776_157_503_250);
        assert_eq!(moment.short(), "09:05");
        assert_eq!(moment.dated(), "04-14 09:05");
        assert_eq!(moment.full(), "2026-04-14 09:05:03");
        assert_eq!(moment.iso_utc(), "2026-04-14T09:05:03Z");
    }
}
