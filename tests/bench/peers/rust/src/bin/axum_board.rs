//! A board on axum as usually written: `tokio::sync::broadcast` and one task per direction of a
//! socket. `axum_board PORT`

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpSocket;
use tokio::sync::broadcast;

/// tungstenite's default of 128 KiB per buffer would dominate the figures.
const BUFFER_BYTES: usize = 4096;

#[tokio::main]
async fn main() {
    let port: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).expect("a port");
    let (tx, _) = broadcast::channel::<Utf8Bytes>(1024);
    let app = Router::new().route("/", get(upgrade)).with_state(tx);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(([127, 0, 0, 1], port).into()).unwrap();
    axum::serve(socket.listen(4096).unwrap(), app).await.unwrap();
}

async fn upgrade(State(tx): State<broadcast::Sender<Utf8Bytes>>, upgrade: WebSocketUpgrade) -> Response {
    // Before the answer: the client misses nothing that is sent after it.
    let mut rx = tx.subscribe();
    upgrade.read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES).on_upgrade(|socket| async move {
        let (mut sink, mut stream) = socket.split();
        let mut sending = tokio::spawn(async move {
            while let Ok(text) = rx.recv().await {
                if sink.send(Message::Text(text)).await.is_err() {
                    break;
                }
            }
        });
        let mut receiving = tokio::spawn(async move {
            while let Some(Ok(Message::Text(text))) = stream.next().await {
                let _ = tx.send(text);
            }
        });
        tokio::select! {
            _ = &mut sending => receiving.abort(),
            _ = &mut receiving => sending.abort(),
        }
    })
}
