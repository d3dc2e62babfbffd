//! Access: hosts, origins and proxies, and the security headers of every answer.

mod address;
mod host;

mod policy;

mod cors;
mod guard;

pub(super) use address::Peer;
pub use address::Proxy;
pub(super) use cors::layer as cors;
pub(super) use guard::guard;
pub use host::{HostName, Origin};
pub use policy::AccessPolicy;
pub(super) use policy::{ALIVE_PATH, READY_PATH};
