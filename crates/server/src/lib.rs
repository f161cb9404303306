//! The server of Warifu.
