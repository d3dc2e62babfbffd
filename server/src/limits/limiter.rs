//! What one address may do: publishes per second, rooms per hour, connections at a time, and its
//! share of the server's time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use protocol::ErrorCode;

use super::turns::Account;

/// What strangers may do, as configured.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Messages per second that one address may publish for long.
    pub publishes_per_second: NonZeroU32,
    /// Messages that it may publish at once after a silence.
    pub publishes_burst: NonZeroU32,
    /// Rooms per hour that one address may open with a first message; as many at once. `None` sets
    /// no bound.
    pub rooms_per_hour: Option<NonZeroU32>,
    /// Percent of one processor that one address may use for long. `None` sets no bound.
    pub cpu_percent: Option<NonZeroU32>,
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
    rooms: Option<Arc<DefaultKeyedRateLimiter<IpAddr>>>,
    clock: DefaultClock,
    addresses: Arc<Mutex<Addresses>>,
}

#[derive(Default)]
struct Addresses {
    /// Connections of all addresses.
    connections: usize,
    each: HashMap<IpAddr, Address>,
}

#[derive(Default)]
struct Address {
    connections: usize,
    /// Made when it is first asked for.
    account: Option<Arc<Account>>,
}

impl Address {
    fn account(&mut self, percent: NonZeroU32) -> Arc<Account> {
        self.account.get_or_insert_with(|| Arc::new(Account::new(percent.get()))).clone()
    }

    /// True if a new one would be the same.
    fn is_forgettable(&self) -> bool {
        let is_idle = |account: &Arc<Account>| Arc::strong_count(account) == 1 && account.is_settled();
        self.connections == 0 && self.account.as_ref().is_none_or(is_idle)
    }
}

impl Limiter {
    /// A limiter that has seen nothing yet.
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

    /// Takes one publish from the address's allowance, or returns how many milliseconds to wait.
    pub fn publish(&self, address: IpAddr) -> Result<(), u64> {
        self.take(&self.publishes, address)
    }

    /// Takes one new room from the address's allowance, or returns how many milliseconds to wait.
    pub fn open_room(&self, address: IpAddr) -> Result<(), u64> {
        self.rooms.as_ref().map_or(Ok(()), |rooms| self.take(rooms, address))
    }

    fn take(&self, limiter: &DefaultKeyedRateLimiter<IpAddr>, address: IpAddr) -> Result<(), u64> {
        let wait = |until: governor::NotUntil<_>| until.wait_time_from(self.clock.now()).as_millis().max(1) as u64;
        limiter.check_key(&network(address)).map_err(wait)
    }

    /// The account that the address's requests are charged to, if there is a bound.
    pub fn account(&self, address: IpAddr) -> Option<Arc<Account>> {
        let percent = self.allowance.cpu_percent?;
        let mut addresses = self.lock();
        Some(addresses.each.entry(network(address)).or_default().account(percent))
    }

    /// Counts a connection in, until the guard is dropped. One without an address counts towards
    /// the total alone.
    pub fn connect(&self, address: Option<IpAddr>) -> Result<Connected, ErrorCode> {
        self.count(address, 1)
    }

    /// Counts in what somebody has open over a proxy's connection, which has been counted towards
    /// the total.
    pub fn connect_through(&self, address: IpAddr) -> Result<Connected, ErrorCode> {
        self.count(Some(address), 0)
    }

    fn count(&self, address: Option<IpAddr>, count: usize) -> Result<Connected, ErrorCode> {
        let address = address.map(network);
        let mut addresses = self.lock();
        let mut account = None;
        if addresses.connections + count > self.allowance.connections {
            return Err(ErrorCode::ServerFull);
        }
        if let Some(address) = address {
            let mine = addresses.each.entry(address).or_default();
            if mine.connections >= self.allowance.connections_per_address {
                return Err(ErrorCode::ConnectionsLimited);
            }
            mine.connections += 1;
            account = self.allowance.cpu_percent.map(|percent| mine.account(percent));
        }
        addresses.connections += count;
        Ok(Connected { addresses: self.addresses.clone(), address, count, account, streams: AtomicBool::new(false) })
    }

    /// Forgets addresses that have their whole allowance again. To be called now and then.
    pub fn sweep(&self) {
        for limiter in [Some(&self.publishes), self.rooms.as_ref()].into_iter().flatten() {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        self.lock().each.retain(|_, address| !address.is_forgettable());
    }

    fn lock(&self) -> MutexGuard<'_, Addresses> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open connection's place.
pub struct Connected {
    addresses: Arc<Mutex<Addresses>>,
    address: Option<IpAddr>,
    /// As how many it counts towards the total.
    count: usize,
    account: Option<Arc<Account>>,
    streams: AtomicBool,
}

impl Connected {
    /// The account that the connection's requests are charged to.
    pub fn account(&self) -> Option<&Arc<Account>> {
        // Delivery is the server's own work: it is the same for everyone in the room.
        self.account.as_ref().filter(|_| !self.streams.load(Ordering::Relaxed))
    }

    /// Says whether the connection carries a response that keeps arriving, which is not charged.
    pub fn set_streaming(&self, streams: bool) {
        self.streams.store(streams, Ordering::Relaxed);
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        // Without our own reference the account may be forgotten.
        self.account = None;
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.connections -= self.count;
        let Some(address) = self.address else { return };
        if let Some(mine) = addresses.each.get_mut(&address) {
            mine.connections -= 1;
            if mine.is_forgettable() {
                addresses.each.remove(&address);
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
    fn one_address_does_not_spend_anothers_allowance() {
        let limiter = limiter();
        let (one, other) = (address("10.0.0.1"), address("10.0.0.2"));
        assert_eq!((limiter.publish(one), limiter.publish(one)), (Ok(()), Ok(())));
        assert!(limiter.publish(one).is_err_and(|wait| (1..=1000).contains(&wait)));
        assert_eq!(limiter.publish(other), Ok(()));
    }

    #[test]
    fn rooms_are_opened_at_a_bounded_rate() {
        let limiter = limiter();
        let (one, other) = (address("10.0.0.1"), address("10.0.0.2"));
        assert_eq!((limiter.open_room(one), limiter.open_room(one)), (Ok(()), Ok(())));
        assert!(limiter.open_room(one).is_err_and(|wait| (60_000..=1_800_000).contains(&wait)));
        assert_eq!(limiter.open_room(other), Ok(()));
    }

    #[test]
    fn an_account_is_one_for_all_connections_and_forgotten_when_it_is_settled() {
        let limiter = limiter();
        let held = [(); 2].map(|()| limiter.connect(Some(address("10.0.0.1"))).unwrap_or_else(|_| panic!()));
        assert!(Arc::ptr_eq(held[0].account().unwrap(), held[1].account().unwrap()));
        held[0].set_streaming(true);
        assert!(held[0].account().is_none() && held[1].account().is_some());
        drop(held);
        assert!(limiter.lock().each.is_empty());
        drop(limiter.account(address("10.0.0.2")));
        assert_eq!(limiter.lock().each.len(), 1);
        limiter.sweep();
        assert!(limiter.lock().each.is_empty());
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
