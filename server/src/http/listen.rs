//! The accept loop: connections are accepted and counted, and each gets a task.

use std::sync::Arc;
use std::time::{Duration, Instant};

use defer_accept::defer_accept;
use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::permit::ConnectionPermit;
use super::serve::{ConnectionTask, Site};
use super::state::State;
use crate::log::Throttle;

/// True if accepted sockets have this setting of the one that listens.
const IS_NODELAY_INHERITED: bool = cfg!(target_os = "linux");
/// How long to wait when the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until the server stops. Those that are open then finish by themselves.
pub async fn listen(listener: TcpListener, site: Site) {
    let site = Arc::new(site);
    let State { context, access, .. } = &site.state;
    if IS_NODELAY_INHERITED {
        let _ = SockRef::from(&listener).set_tcp_nodelay(true);
    }
    let _ = defer_accept(&listener);
    let failures = Throttle::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = context.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if !IS_NODELAY_INHERITED {
                    let _ = stream.set_nodelay(true);
                }
                // A proxy's connection counts towards the total alone; its clients are counted when
                // they are known.
                let peer = peer.ip().to_canonical();
                let address = if access.trusts(peer) { None } else { Some(peer) };
                let connecting = context.limiter.connect(address).map(Arc::new);
                let permit = match &connecting {
                    Ok(connected) => ConnectionPermit::new(&site.state, Some(connected.clone())),
                    Err(_) => ConnectionPermit::refused(&site.state, address.and_then(|address| context.limiter.account(address))),
                };
                ConnectionTask::start(stream, peer, site.clone(), connecting, permit);
            }
            Err(error) => {
                if let Some(suppressed) = failures.pass(Instant::now()) {
                    tracing::warn!(%error, suppressed, "a connection could not be accepted");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
