//! Checks that an address is on this machine.

use std::net::IpAddr;

use reqwest::Url;

/// Whether `text` is the URL of a service on this machine: `http` or `https`, and the host
/// `localhost`, `::1` or one of 127.0.0.0/8.
///
/// Several clients read the text, and they may parse it differently. The host must therefore
/// directly follow the scheme, in its normal notation, with nothing around it that a client
/// could read as a part of the host.
pub(crate) fn is_loopback(text: &str) -> bool {
    let Ok(url) = text.parse::<Url>() else { return false };
    let Some(host) = url.host_str() else { return false };
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains(['@', '\\']);
    let is_literal = text.starts_with(&format!("{}://{host}", url.scheme()));
    matches!(url.scheme(), "http" | "https") && is_plain && is_literal && is_this_machine(host)
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_an_address_of_its_own() {
        for url in [
            "http://127.0.0.1:3000",
            "http://127.0.0.1",
            "https://127.255.255.254/a/b?c#d",
            "http://localhost:80/",
            "https://[::1]:3005",
        ] {
            assert!(is_loopback(url), "{url}");
        }
    }

    #[test]
    fn every_other_address_is_that_of_another_machine() {
        for url in [
            "",
            "127.0.0.1:3000",
            "//127.0.0.1",
            "localhost",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
            "http://10.0.0.1",
            "http://0.0.0.0:3000",
            "http://128.0.0.1",
            "http://169.254.169.254",
            "http://[::]:3000",
            "http://[::ffff:10.0.0.1]",
            "http://attacker.example",
            "http://localhost.attacker.example",
            "http://127.0.0.1.attacker.example",
            "http://a.localhost",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn what_two_clients_could_read_differently_is_refused() {
        for url in [
            "http://127.0.0.1@attacker.example",
            "http://attacker.example@127.0.0.1",
            "http://127.0.0.1:80@attacker.example",
            "http://127.0.0.1\\@attacker.example",
            "http:\\\\127.0.0.1",
            "http:127.0.0.1",
            "http:/attacker.example",
            "http://2130706433",
            "http://0x7f.1",
            "http://127.1",
            "http://%31%32%37.0.0.1",
            "http://LOCALHOST",
            "HTTP://127.0.0.1",
            "http://127.0.0.1\n.attacker.example",
            " http://127.0.0.1",
            "http://127.0.0.1 ",
            "http://127。0。0。1",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
