//! How much one address may do: publishes per second, connections at a time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use protocol::ErrorCode;

/// What strangers may do, as configured.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Messages per second that one address may publish for long.
    pub publishes_per_second: NonZeroU32,
    /// Messages that it may publish at once after a silence.
    pub publishes_burst: NonZeroU32,
    /// Connections that one address may have open.
    pub connections_per_address: usize,
    /// Connections that the server has open.
    pub connections: usize,
}

/// Counts what each address does. Cheap to clone.
#[derive(Clone)]
pub struct Limiter {
    allowance: Allowance,
    publishes: Arc<DefaultKeyedRateLimiter<IpAddr>>,
    clock: DefaultClock,
    connections: Arc<Mutex<Connections>>,
}

#[derive(Default)]
struct Connections {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Limiter {
    /// A limiter that has seen nothing yet.
    pub fn new(allowance: Allowance) -> Self {
        let quota = Quota::per_second(allowance.publishes_per_second).allow_burst(allowance.publishes_burst);
        Self {
            allowance,
            publishes: Arc::new(DefaultKeyedRateLimiter::keyed(quota)),
            clock: DefaultClock::default(),
            connections: Arc::default(),
        }
    }

    /// Takes one publish from the address's allowance, or says how many milliseconds to wait.
    pub fn publish(&self, address: IpAddr) -> Result<(), u64> {
        let wait = |until: governor::NotUntil<_>| until.wait_time_from(self.clock.now()).as_millis().max(1) as u64;
        self.publishes.check_key(&network(address)).map_err(wait)
    }

    /// Counts a connection in, until the guard is dropped. One without an address counts towards the total alone.
    pub fn connect(&self, address: Option<IpAddr>) -> Result<Connected, ErrorCode> {
        self.count(address, 1)
    }

    /// Counts in what somebody has open over a proxy's connection, which has been counted towards the total.
    pub fn connect_through(&self, address: IpAddr) -> Result<Connected, ErrorCode> {
        self.count(Some(address), 0)
    }

    fn count(&self, address: Option<IpAddr>, count: usize) -> Result<Connected, ErrorCode> {
        let address = address.map(network);
        let mut connections = self.lock();
        if connections.all + count > self.allowance.connections {
            return Err(ErrorCode::ServerFull);
        }
        if let Some(address) = address {
            let mine = connections.by_address.entry(address).or_default();
            if *mine >= self.allowance.connections_per_address {
                return Err(ErrorCode::ConnectionsLimited);
            }
            *mine += 1;
        }
        connections.all += count;
        Ok(Connected { connections: self.connections.clone(), address, count })
    }

    /// Forgets addresses that have their whole allowance again. To be called now and then.
    pub fn sweep(&self) {
        self.publishes.retain_recent();
        self.publishes.shrink_to_fit();
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open connection's place.
pub struct Connected {
    connections: Arc<Mutex<Connections>>,
    address: Option<IpAddr>,
    /// As how many it counts towards the total.
    count: usize,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.all -= self.count;
        let Some(address) = self.address else { return };
        if let Some(mine) = connections.by_address.get_mut(&address) {
            *mine -= 1;
            if *mine == 0 {
                connections.by_address.remove(&address);
            }
        }
    }
}

/// What counts as one address: an IPv4 address, or an IPv6 /64, of which every household has one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> Limiter {
        Limiter::new(Allowance {
            publishes_per_second: NonZeroU32::MIN,
            publishes_burst: NonZeroU32::new(2).unwrap(),
            connections_per_address: 2,
            connections: 3,
        })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_does_not_spend_anothers_allowance() {
        let limiter = limiter();
        let (one, other) = (address("10.0.0.1"), address("10.0.0.2"));
        assert_eq!((limiter.publish(one), limiter.publish(one)), (Ok(()), Ok(())));
        assert!(limiter.publish(one).is_err_and(|wait| (1..=1000).contains(&wait)));
        assert_eq!(limiter.publish(other), Ok(()));
    }

    #[test]
    fn connections_are_counted_in_and_out() {
        let limiter = limiter();
        let (one, other) = (address("10.0.0.1"), address("10.0.0.2"));
        let held: Vec<_> = (0..2).map(|_| limiter.connect(Some(one)).unwrap_or_else(|_| panic!())).collect();
        assert_eq!(limiter.connect(Some(one)).err(), Some(ErrorCode::ConnectionsLimited));
        let _third = limiter.connect(Some(other)).unwrap_or_else(|_| panic!());
        assert_eq!(limiter.connect(Some(other)).err(), Some(ErrorCode::ServerFull));
        drop(held);
        assert!(limiter.connect(Some(one)).is_ok());
    }

    #[test]
    fn a_household_is_one_address() {
        assert_eq!(network(address("2001:db8::1")), network(address("2001:db8::2")));
        assert_ne!(network(address("2001:db8::1")), network(address("2001:db8:0:1::1")));
        assert_eq!(network(address("::ffff:10.0.0.1")), address("10.0.0.1"));
    }
}
