//! What stands where the primary is expected, whichever it is: a name in a directory, an address that moves.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use anyhow::Result;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

pub(super) struct Proxy {
    pub(super) port: u16,
    target: Arc<AtomicU16>,
}

impl Proxy {
    /// Leads to a port of this machine.
    pub(super) async fn start(target: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let target = Arc::new(AtomicU16::new(target));
        let aimed = Arc::clone(&target);
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let port = aimed.load(Ordering::SeqCst);
                tokio::spawn(async move {
                    // A line of a server that has died ends with it.
                    if let Ok(mut to) = TcpStream::connect(("127.0.0.1", port)).await {
                        drop(from.set_nodelay(true));
                        drop(to.set_nodelay(true));
                        drop(copy_bidirectional(&mut from, &mut to).await);
                    }
                });
            }
        });
        Ok(Self { port, target })
    }

    /// From now on leads there.
    pub(super) fn aim(&self, port: u16) {
        self.target.store(port, Ordering::SeqCst);
    }
}
