//! The tests of this project run without a network, if `tests/suites/run` starts them.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

#[test]
fn s06_a_test_reaches_loopback_and_no_other_address() {
    for loopback in ["127.0.0.1:0", "[::1]:0"] {
        let server = TcpListener::bind(loopback).unwrap();
        assert!(TcpStream::connect(server.local_addr().unwrap()).is_ok(), "{loopback}");
    }
    // The runner sets it. Some systems do not permit it, and `cargo test` does not use the runner.
    if std::env::var_os("LOOPBACK_ONLY").is_some_and(|value| value == "yes") {
        // Reserved for documentation: nothing answers there.
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], 80));
        let refused = TcpStream::connect_timeout(&elsewhere, Duration::from_secs(5)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NetworkUnreachable);
    }
}
