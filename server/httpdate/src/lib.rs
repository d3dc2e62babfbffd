//! Stands in for the crate `httpdate`, through `[patch.crates-io]`.
//!
//! hyper asks it for the date of every connection, also when no answer is to have one, and it panics with a clock that is before
//! 1970 or after 9999. This one then says the first or the last date there is. It has what hyper uses, and nothing else.

use std::fmt;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::fmt::StdFmtWrite;
use jiff::fmt::rfc2822::DateTimePrinter;

/// A time as HTTP writes it (RFC 9110, section 5.6.7): 29 bytes.
pub struct HttpDate(Timestamp);

impl From<SystemTime> for HttpDate {
    fn from(time: SystemTime) -> Self {
        let last = if time < SystemTime::UNIX_EPOCH { Timestamp::UNIX_EPOCH } else { Timestamp::MAX };
        Self(Timestamp::try_from(time).unwrap_or(last).max(Timestamp::UNIX_EPOCH))
    }
}

impl fmt::Display for HttpDate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        DateTimePrinter::new().print_timestamp_rfc9110(&self.0, StdFmtWrite(formatter)).map_err(|_| fmt::Error)
    }
}
