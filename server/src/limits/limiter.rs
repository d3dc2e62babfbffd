//! Limits of each address: publishes per second, new rooms per hour, open connections, and
//! processor time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use parking_lot::Mutex;
use protocol::ErrorCode;
use tokio::time::Instant;

use super::account::Account;

/// The configured limits.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Messages per second that one address may publish.
    pub publishes_per_second: NonZeroU32,
    /// Messages that one address may publish at once after a pause.
    pub publishes_burst: NonZeroU32,
    /// Rooms per hour that one address may open with a first message, and as many at once. `None`
    /// sets no limit.
    pub rooms_per_hour: Option<NonZeroU32>,
    /// Percent of one processor that one address may use. `None` sets no limit.
    pub cpu_percent: Option<NonZeroU32>,
    /// Maximum number of open connections of one address.
    pub connections_per_address: usize,
    /// Maximum number of open connections of the server.
    pub connections: usize,
}

/// Applies the limits. Cheap to clone.
#[derive(Clone)]
pub struct Limiter {
    allowance: Allowance,
    publishes: Arc<DefaultKeyedRateLimiter<IpAddr>>,
    rooms: Option<Arc<DefaultKeyedRateLimiter<IpAddr>>>,
    clock: DefaultClock,
    addresses: Arc<Mutex<Addresses>>,
}

#[derive(Default)]
struct Addresses {
    /// Number of open connections of all addresses.
    connections: usize,
    by_address: HashMap<IpAddr, Address>,
}

#[derive(Default)]
struct Address {
    connections: usize,
    /// Created when it is first needed.
    account: Option<Arc<Account>>,
}

impl Address {
    fn account(&mut self, percent: NonZeroU32) -> Arc<Account> {
        self.account.get_or_insert_with(|| Arc::new(Account::new(percent.get()))).clone()
    }

    /// True if the address has no connection and no unpaid time.
    fn is_unused(&self) -> bool {
        let is_idle = |account: &Arc<Account>| Arc::strong_count(account) == 1 && account.is_settled(Instant::now());
        self.connections == 0 && self.account.as_ref().is_none_or(is_idle)
    }
}

impl Limiter {
    /// Creates a limiter.
    pub fn new(allowance: Allowance) -> Self {
        let quota = Quota::per_second(allowance.publishes_per_second).allow_burst(allowance.publishes_burst);
        let keyed = |quota| Arc::new(DefaultKeyedRateLimiter::keyed(quota));
        Self {
            allowance,
            publishes: keyed(quota),
            rooms: allowance.rooms_per_hour.map(|rooms| keyed(Quota::per_hour(rooms))),
            clock: DefaultClock::default(),
            addresses: Arc::default(),
        }
    }

    /// Takes one publish from the address's allowance. If there is none, returns the milliseconds
    /// to wait.
    pub fn publish(&self, address: IpAddr) -> Result<(), u64> {
        self.take(&self.publishes, address)
    }

    /// Takes one new room from the address's allowance. If there is none, returns the milliseconds
    /// to wait.
    pub fn open_room(&self, address: IpAddr) -> Result<(), u64> {
        self.rooms.as_ref().map_or(Ok(()), |rooms| self.take(rooms, address))
    }

    fn take(&self, limiter: &DefaultKeyedRateLimiter<IpAddr>, address: IpAddr) -> Result<(), u64> {
        let wait = |until: governor::NotUntil<_>| until.wait_time_from(self.clock.now()).as_millis().max(1) as u64;
        limiter.check_key(&network(address)).map_err(wait)
    }

    /// Returns the account of an address. `None` if processor time is not limited.
    pub fn account(&self, address: IpAddr) -> Option<Arc<Account>> {
        let percent = self.allowance.cpu_percent?;
        let mut addresses = self.addresses.lock();
        Some(addresses.by_address.entry(network(address)).or_default().account(percent))
    }

    /// Counts a connection until the guard is dropped. A connection without an address counts only
    /// towards the total.
    pub fn connect(&self, address: Option<IpAddr>) -> Result<ConnectionGuard, ErrorCode> {
        self.count(address, 1)
    }

    /// Counts a request that a proxy forwards for an address. The proxy's connection counts towards
    /// the total already.
    pub fn connect_through(&self, address: IpAddr) -> Result<ConnectionGuard, ErrorCode> {
        self.count(Some(address), 0)
    }

    fn count(&self, address: Option<IpAddr>, count: usize) -> Result<ConnectionGuard, ErrorCode> {
        let address = address.map(network);
        let mut addresses = self.addresses.lock();
        let mut account = None;
        if addresses.connections + count > self.allowance.connections {
            return Err(ErrorCode::ServerFull);
        }
        if let Some(address) = address {
            let mine = addresses.by_address.entry(address).or_default();
            if mine.connections >= self.allowance.connections_per_address {
                return Err(ErrorCode::ConnectionsLimited);
            }
            mine.connections += 1;
            account = self.allowance.cpu_percent.map(|percent| mine.account(percent));
        }
        addresses.connections += count;
        Ok(ConnectionGuard { addresses: self.addresses.clone(), address, count, account })
    }

    /// Forgets addresses that have their whole allowance again. Called at intervals.
    pub fn sweep(&self) {
        for limiter in [Some(&self.publishes), self.rooms.as_ref()].into_iter().flatten() {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        self.addresses.lock().by_address.retain(|_, address| !address.is_unused());
    }
}

/// Counts an open connection until it is dropped.
pub struct ConnectionGuard {
    addresses: Arc<Mutex<Addresses>>,
    address: Option<IpAddr>,
    /// 1 if the connection counts towards the total, else 0.
    count: usize,
    account: Option<Arc<Account>>,
}

impl ConnectionGuard {
    /// Returns the account to charge. `None` if processor time is not limited.
    pub fn account(&self) -> Option<&Arc<Account>> {
        self.account.as_ref()
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        // `is_unused` counts the references to the account.
        self.account = None;
        let mut addresses = self.addresses.lock();
        addresses.connections -= self.count;
        let Some(address) = self.address else { return };
        if let Some(mine) = addresses.by_address.get_mut(&address) {
            mine.connections -= 1;
            if mine.is_unused() {
                addresses.by_address.remove(&address);
            }
        }
    }
}

/// Returns what counts as one address: an IPv4 address, or an IPv6 /64 network.
pub fn network(address: IpAddr) -> IpAddr {
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
            rooms_per_hour: NonZeroU32::new(2),
            cpu_percent: NonZeroU32::new(50),
            connections_per_address: 2,
            connections: 3,
        })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn limits_publishes_of_each_address() {
        let limiter = limiter();
        let (one, other) = (address("10.0.0.1"), address("10.0.0.2"));
        assert_eq!((limiter.publish(one), limiter.publish(one)), (Ok(()), Ok(())));
        assert!(limiter.publish(one).is_err_and(|wait| (1..=1000).contains(&wait)));
        assert_eq!(limiter.publish(other), Ok(()));
    }

    #[test]
    fn limits_new_rooms_of_each_address() {
        let limiter = limiter();
        let (one, other) = (address("10.0.0.1"), address("10.0.0.2"));
        assert_eq!((limiter.open_room(one), limiter.open_room(one)), (Ok(()), Ok(())));
        assert!(limiter.open_room(one).is_err_and(|wait| (60_000..=1_800_000).contains(&wait)));
        assert_eq!(limiter.open_room(other), Ok(()));
    }

    #[test]
    fn shares_an_account_between_connections_and_forgets_it_when_it_is_settled() {
        let limiter = limiter();
        let held = [(); 2].map(|()| limiter.connect(Some(address("10.0.0.1"))).unwrap_or_else(|_| panic!()));
        assert!(Arc::ptr_eq(held[0].account().unwrap(), held[1].account().unwrap()));
        drop(held);
        assert!(limiter.addresses.lock().by_address.is_empty());
        drop(limiter.account(address("10.0.0.2")));
        assert_eq!(limiter.addresses.lock().by_address.len(), 1);
        limiter.sweep();
        assert!(limiter.addresses.lock().by_address.is_empty());
    }

    #[test]
    fn limits_open_connections() {
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
    fn counts_an_ipv6_network_as_one_address() {
        assert_eq!(network(address("2001:db8::1")), network(address("2001:db8::2")));
        assert_ne!(network(address("2001:db8::1")), network(address("2001:db8:0:1::1")));
        assert_eq!(network(address("::ffff:10.0.0.1")), address("10.0.0.1"));
    }
}
