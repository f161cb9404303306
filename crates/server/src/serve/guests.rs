//! The connections of one listener by the address they come from.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// Connections of one address at once.
const OF_ONE_ADDRESS: usize = 512;

/// How many connections each address holds; nobody may hold all of them but our own proxies.
#[derive(Debug)]
pub(super) struct Guests {
    proxies: Vec<IpAddr>,
    held: Mutex<BTreeMap<IpAddr, usize>>,
}

/// A connection that counts for its address until it is dropped.
pub(super) struct Guest(Arc<Guests>, IpAddr);

impl Guests {
    pub(super) fn new(proxies: Vec<IpAddr>) -> Self {
        Self { proxies, held: Mutex::default() }
    }

    pub(super) fn enter(guests: &Arc<Self>, peer: IpAddr) -> Option<Guest> {
        let peer = peer.to_canonical();
        let mut all = guests.held.lock().unwrap_or_else(PoisonError::into_inner);
        let held = all.entry(peer).or_default();
        if *held >= OF_ONE_ADDRESS && !guests.proxies.contains(&peer) {
            return None;
        }
        *held += 1;
        Some(Guest(Arc::clone(guests), peer))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut all = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = all.get_mut(&self.1) {
            *held -= 1;
            if *held == 0 {
                all.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_holds_its_share_of_connections_and_a_proxy_as_many_as_it_needs() {
        let (proxy, other) = ([10, 0, 0, 1].into(), [192, 0, 2, 1].into());
        let guests = Arc::new(Guests::new(vec![proxy]));
        let enter = |peer, times: usize| {
            (0..times).filter_map(|_| Guests::enter(&guests, peer)).collect::<Vec<_>>()
        };
        let held = enter(other, OF_ONE_ADDRESS + 9);
        assert_eq!(held.len(), OF_ONE_ADDRESS);
        assert_eq!(enter(proxy, OF_ONE_ADDRESS + 9).len(), OF_ONE_ADDRESS + 9);
        // The same address, as a socket for both versions of IP shows it.
        assert!(Guests::enter(&guests, "::ffff:192.0.2.1".parse().unwrap()).is_none());
        drop(held);
        assert!(guests.held.lock().unwrap().is_empty());
        assert_eq!(enter(other, 1).len(), 1);
    }
}
