//! Stands in for the crate `httpdate`, through `[patch.crates-io]`.
//!
//! hyper formats a date for every connection, and the real crate panics with a clock before 1970 or
//! after 9999. This one then formats the first or the last date. It has what hyper and `headers`
//! use.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::fmt::StdFmtWrite;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

/// A time as HTTP writes it (RFC 9110, section 5.6.7): 29 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpDate(Timestamp);

impl From<SystemTime> for HttpDate {
    fn from(time: SystemTime) -> Self {
        let last = if time < SystemTime::UNIX_EPOCH { Timestamp::UNIX_EPOCH } else { Timestamp::MAX };
        Self(Timestamp::try_from(time).unwrap_or(last).max(Timestamp::UNIX_EPOCH))
    }
}

impl From<HttpDate> for SystemTime {
    fn from(date: HttpDate) -> Self {
        date.0.into()
    }
}

impl FromStr for HttpDate {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        DateTimeParser::new().parse_timestamp(text).map(Self)
    }
}

impl fmt::Display for HttpDate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        DateTimePrinter::new().print_timestamp_rfc9110(&self.0, StdFmtWrite(formatter)).map_err(|_| fmt::Error)
    }
}
