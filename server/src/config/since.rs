//! The value of `--since`.

use std::str::FromStr;

use jiff::civil::{DateTime, Time};
use jiff::{Span, Timestamp, Zoned};

/// A time in the past, as people write it.
#[derive(Clone, Copy, Debug)]
pub enum Since {
    /// This long ago.
    Ago(Span),
    /// At this moment.
    At(Timestamp),
    /// At this date and time in the local zone.
    Local(DateTime),
    /// At this time of today in the local zone.
    Today(Time),
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        // Before a duration, which may also have colons, and a date with a time, of which this
        // would be a part.
        let is_time = text.contains(':') && text.chars().all(|c| c.is_ascii_digit() || c == ':');
        if is_time && let Ok(time) = text.parse() {
            return Ok(Self::Today(time));
        }
        if let Ok(span) = text.parse::<Span>() {
            return Ok(Self::Ago(span.abs()));
        }
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        if let Ok(zoned) = text.parse::<Zoned>() {
            return Ok(Self::At(zoned.timestamp()));
        }
        match text.parse() {
            Ok(local) => Ok(Self::Local(local)),
            Err(_) => Err("write 10m, 2h, 3d, 10:00, 2026-11-28, '2026-11-28 10:00' or 2026-11-28T10:00:00Z"),
        }
    }
}

impl Since {
    /// Returns the moment, in milliseconds since 1970.
    ///
    /// # Errors
    /// Returns a sentence if it is in the future, or too long ago for a calendar.
    pub fn resolve(self, now: &Zoned) -> Result<u64, String> {
        let zone = now.time_zone();
        let at = match self {
            Self::Ago(span) => now.checked_sub(span).map(|at| at.timestamp()),
            Self::At(at) => Ok(at),
            Self::Local(local) => local.to_zoned(zone.clone()).map(|at| at.timestamp()),
            Self::Today(time) => now.date().to_datetime(time).to_zoned(zone.clone()).map(|at| at.timestamp()),
        };
        let at = at.map_err(|_| "the time for --since is not in the calendar. Choose a later one.".to_owned())?;
        if at > now.timestamp() {
            let day = if let Self::Today(_) = self { " Write the date too if you mean another day." } else { "" };
            let shown = at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
            return Err(format!("the time for --since, {shown}, is in the future.{day}"));
        }
        Ok(u64::try_from(at.as_millisecond()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use jiff::tz::offset;

    use super::*;

    /// 12:30:00 on 28 November 2026, one hour east of Greenwich.
    fn now() -> Zoned {
        "2026-11-28T11:30:00Z".parse::<Timestamp>().unwrap().to_zoned(TimeZone::fixed(offset(1)))
    }

    fn resolve(text: &str) -> Result<String, String> {
        let at = text.parse::<Since>().map_err(str::to_owned)?.resolve(&now())?;
        Ok(Timestamp::from_millisecond(at.cast_signed()).unwrap().to_string())
    }

    #[test]
    fn reads_times_as_people_write_them() {
        for (text, at) in [
            ("10m", "2026-11-28T11:20:00Z"),
            ("90s", "2026-11-28T11:28:30Z"),
            ("2h", "2026-11-28T09:30:00Z"),
            ("1h 30m", "2026-11-28T10:00:00Z"),
            ("1h30m", "2026-11-28T10:00:00Z"),
            ("3d", "2026-11-25T11:30:00Z"),
            ("2 weeks ago", "2026-11-14T11:30:00Z"),
            ("-10m", "2026-11-28T11:20:00Z"),
            ("0s", "2026-11-28T11:30:00Z"),
            ("2026-11-28T10:00:00Z", "2026-11-28T10:00:00Z"),
            ("2026-11-28T10:00:00+02:00", "2026-11-28T08:00:00Z"),
            ("2026-11-28T10:00:00+02:00[Europe/Kyiv]", "2026-11-28T08:00:00Z"),
            ("2026-11-28", "2026-11-27T23:00:00Z"),
            ("2026-11-28 10:00", "2026-11-28T09:00:00Z"),
            (" 2026-11-28T10:00:30 ", "2026-11-28T09:00:30Z"),
            ("10:00", "2026-11-28T09:00:00Z"),
            ("10:00:05", "2026-11-28T09:00:05Z"),
            ("1950-01-01", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(resolve(text).as_deref(), Ok(at), "{text}");
        }
    }

    #[test]
    fn refuses_the_future() {
        for text in ["2026-11-28T11:30:01Z", "2026-11-29", "2027-01-01 10:00", "12:31"] {
            let error = resolve(text).unwrap_err();
            assert!(error.contains("in the future"), "{text}: {error}");
        }
        assert!(resolve("12:31").unwrap_err().contains("2026-11-28 12:31:00, is in the future. Write the date"));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in ["", "10", "soon", "25:00", "2026-13-01", "10x", "m"] {
            assert!(resolve(text).is_err_and(|error| error.contains("10m, 2h")), "{text}");
        }
        assert!(resolve("15000y").unwrap_err().contains("calendar"));
    }
}
