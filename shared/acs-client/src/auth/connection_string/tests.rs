use proptest::prelude::*;

use super::*;
use crate::config::Config;

const KEY: &str = "c2VjcmV0LXNlY3JldC1zZWNyZXQtMQ==";

fn parse(raw: &str) -> Result<ConnectionString, ConnectionStringError> {
    raw.parse()
}

#[test]
fn a_connection_string_is_parsed_in_every_usual_spelling() {
    for raw in [
        "endpoint=https://contoso.communication.azure.com/;accesskey=%",
        "endpoint=https://contoso.communication.azure.com;accesskey=%",
        "endpoint=https://contoso.communication.azure.com///;accesskey=%",
        "Endpoint=https://contoso.communication.azure.com:443/;AccessKey=%;",
        "ACCESSKEY=%;ENDPOINT=https://contoso.communication.azure.com/",
        " endpoint=https://contoso.communication.azure.com/; accesskey=%\n",
        "a=b;endpoint=https://contoso.communication.azure.com/;x=;accesskey=%;c=d=e",
    ] {
        let read = parse(&raw.replace('%', KEY)).unwrap();
        assert_eq!(read.endpoint.host(), "contoso.communication.azure.com", "{raw}");
        assert_eq!(read.endpoint.to_string(), "https://contoso.communication.azure.com/");
        let same = KEY.parse::<AccessKey>().unwrap();
        assert_eq!(read.key.hmac(b"x").as_ref(), same.hmac(b"x").as_ref(), "{raw}");
    }
}

#[test]
fn a_port_that_is_not_the_default_is_part_of_the_host() {
    for (endpoint, host) in [
        ("http://127.0.0.1:8787", "127.0.0.1:8787"),
        ("http://localhost", "localhost"),
        ("http://[::1]:80", "[::1]"),
        ("https://[::1]:80", "[::1]:80"),
        ("https://localhost:8443/", "localhost:8443"),
    ] {
        assert_eq!(endpoint.parse::<Endpoint>().unwrap().host(), host);
    }
}

#[test]
fn http_is_for_this_machine_and_for_listed_hosts() {
    let listed = InsecureHosts::of("acs-emulator");
    let endpoint = Endpoint::parse("http://ACS-emulator:8080/", &listed).unwrap();
    assert_eq!(endpoint.host(), "acs-emulator:8080");
    assert!(!endpoint.is_https() && !endpoint.is_loopback());
    assert!(Endpoint::parse("http://127.0.0.1:1", &listed).unwrap().is_loopback());
    let key = KEY.parse().unwrap();
    let mut config = Config::new(ConnectionString { endpoint, key });
    config.bearer_over_loopback_http = true;
    assert!(!config.may_send_bearer(), "to another machine");
    for (url, hosts) in [
        ("http://acs-emulator:8080", InsecureHosts::default()),
        ("http://other", listed.clone()),
        ("ftp://acs-emulator", listed),
    ] {
        let refused = Endpoint::parse(url, &hosts).unwrap_err();
        assert_eq!(refused, ConnectionStringError::EndpointNotHttps, "{url}");
        assert!(refused.to_string().contains("GUESTPASS_INSECURE_HOSTS"), "{refused}");
    }
}

#[test]
fn each_mistake_has_its_own_error() {
    use ConnectionStringError as E;
    for (raw, expected) in [
        ("", E::Empty),
        (" \n", E::Empty),
        ("\u{feff}\"\"\r\n", E::Empty),
        ("https://contoso.communication.azure.com/", E::EndpointAlone),
        ("HTTP://127.0.0.1", E::EndpointAlone),
        ("%", E::KeyAlone),
        ("https://contoso.communication.azure.com/;%", E::WithoutNames),
        ("contoso", E::NotAPair(1)),
        ("endpoint=https://a.example;%", E::Missing("accesskey")),
        ("endpoint=https://a.example;abc", E::NotAPair(2)),
        ("accesskey=%", E::Missing("endpoint")),
        ("endpoint=https://a.example", E::Missing("accesskey")),
        ("endpoint=;accesskey=%", E::NoValue("endpoint")),
        ("endpoint=https://a.example;accesskey=", E::NoValue("accesskey")),
        ("accesskey=%;accesskey=%;endpoint=https://a.example", E::Repeated("accesskey")),
        ("endpoint=a.example;accesskey=%", E::EndpointNotUrl),
        ("endpoint=///;accesskey=%", E::EndpointNotUrl),
        ("endpoint=a.example:443;accesskey=%", E::EndpointNotUrl),
        ("endpoint=ftp://a.example;accesskey=%", E::EndpointNotHttps),
        ("endpoint=http://acs-emulator:8080/;accesskey=%", E::EndpointNotHttps),
        ("endpoint=http://127.0.0.1.evil.example;accesskey=%", E::EndpointNotHttps),
        ("endpoint=https://a.example/path;accesskey=%", E::EndpointNotBare),
        ("endpoint=https://a.example?x=1;accesskey=%", E::EndpointNotBare),
        ("endpoint=https://u:p@a.example;accesskey=%", E::EndpointNotBare),
        ("endpoint=https://<resource>.example;accesskey=%", E::Placeholder("endpoint")),
        ("endpoint=https://a.example;accesskey=<access-key>", E::Placeholder("accesskey")),
        ("endpoint=https://a.example;accesskey=abc...", E::Placeholder("accesskey")),
        ("endpoint=https://a.example;accesskey=${KEY}", E::Placeholder("accesskey")),
        ("endpoint=https://a.example;accesskey=********", E::Placeholder("accesskey")),
    ] {
        assert_eq!(parse(&raw.replace('%', KEY)).unwrap_err(), expected, "{raw}");
    }
}

#[test]
fn an_escape_in_the_host_is_refused() {
    for host in ["%41.example", "a.ex%61mple", "%"] {
        let error = format!("https://{host}").parse::<Endpoint>().unwrap_err();
        assert_eq!(error, ConnectionStringError::EndpointNotUrl, "{host}");
    }
}

#[test]
fn a_wrong_key_is_told_from_an_incomplete_one() {
    use ConnectionStringError as E;
    for (key, expected) in [
        ("c2Vj ZXQx", E::KeySpace(5)),
        ("c2Vj-XQx", E::KeyCharacter(5)),
        ("c2VjcmV0MQ==x", E::KeyCharacter(11)),
        ("c2VjcmV0MQ%3D%3D", E::KeyUrlEncoded),
        ("%KEY%", E::Placeholder("accesskey")),
        ("c2VjcmV0M", E::KeyIncomplete),
        ("c2VjcmV0MR", E::KeyIncomplete),
        ("c2VjcmV0MQ===", E::KeyCharacter(11)),
    ] {
        let error = parse(&format!("endpoint=https://a.example;accesskey={key}")).unwrap_err();
        assert_eq!(error, expected, "{key}");
    }
}

#[test]
fn a_connection_string_of_another_service_is_named() {
    for (raw, service) in [
        (
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=%;EndpointSuffix=b",
            "Azure Storage",
        ),
        (
            "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=b;SharedAccessKey=%",
            "Service Bus",
        ),
        ("HostName=a.azure-devices.net;SharedAccessKeyName=b;SharedAccessKey=%", "IoT Hub"),
        ("Endpoint=https://a.azconfig.io;Id=b;Secret=%", "App Configuration"),
        ("Endpoint=https://a.service.signalr.net;AccessKey=%;Version=1.0;", "SignalR"),
        ("Endpoint=https://a.webpubsub.azure.com;AccessKey=%;Version=1.0;", "Web PubSub"),
        ("InstrumentationKey=b;IngestionEndpoint=https://a.example/", "Application Insights"),
    ] {
        let error = parse(&raw.replace('%', KEY)).unwrap_err();
        assert!(matches!(error, ConnectionStringError::AnotherService(_)), "{raw}: {error}");
        assert!(error.to_string().contains(service), "{raw}: {error}");
    }
}

#[test]
fn what_copying_adds_is_removed() {
    let bare = "endpoint=https://contoso.communication.azure.com/;accesskey=%";
    for pasted in [
        "\u{feff}@\r\n",
        "\"@\"",
        "'@'",
        "`@`",
        "\u{201c}@\u{201d}",
        "@\"\n",
        "\"@",
        "\u{a0}@\u{200b}",
        "ACS_CONNECTION_STRING=@",
        "export ACS_CONNECTION_STRING=\"@\"\n",
        "$env:ACS = '@'",
        "set ACS=@\r\n",
        "ConnectionStrings__Acs=@",
        "acs: \"@\"",
        "  \"connectionString\": \"@\",",
        "{\"connectionString\":\"@\"}",
        "new Client(\"@\");",
        "Connection string\n@",
    ] {
        let raw = pasted.replace('@', bare).replace('%', KEY);
        let read = parse(&raw).unwrap_or_else(|error| unreachable!("{pasted:?}: {error}"));
        assert_eq!(read.endpoint.host(), "contoso.communication.azure.com", "{pasted:?}");
        assert_eq!(read.key, KEY.parse().unwrap(), "{pasted:?}");
    }
}

#[test]
fn what_copying_changes_inside_is_mended() {
    for raw in [
        "endpoint=https://a.example/\\;accesskey=%",
        "endpoint=\"https://a.example/\";accesskey='%'",
        "endpoint = https://a.example/ ; accesskey = %",
        "endpoint=https://a.example/;acc\u{ad}esskey=\u{200b}%",
        "endpoint=https://a.exa\r\n  mple/;access\n  key=%",
        "endpoint=https://a.example/;accesskey=%\u{0}",
        "X=accesskey=%;endpoint=https://a.example/",
    ] {
        let read = parse(&raw.replace('%', KEY));
        let read = read.unwrap_or_else(|error| unreachable!("{raw:?}: {error}"));
        assert_eq!(read.endpoint.host(), "a.example", "{raw:?}");
        assert_eq!(read.key, KEY.parse().unwrap(), "{raw:?}");
    }
    let wrapped =
        parse(&format!("endpoint=https://a.example;accesskey={}\n{}", &KEY[..7], &KEY[7..]));
    assert_eq!(wrapped.unwrap().key, KEY.parse().unwrap());
    for unpadded in [KEY.trim_end_matches('='), &KEY[..KEY.len() - 1]] {
        assert_eq!(unpadded.parse::<AccessKey>(), KEY.parse());
    }
}

#[test]
fn a_character_that_only_looks_right_is_named_by_its_position() {
    for (raw, expected) in [
        ("endpoint=https://a.example\u{ff1b}accesskey=%", "character 27 is U+FF1B"),
        ("\"endpoint\u{ff1d}https://a.example;accesskey=%\"", "character 9 is U+FF1D"),
        ("endpoint=https://a.ex\u{430}mple;accesskey=%", "character 22 is U+0430"),
    ] {
        let error = parse(&raw.replace('%', KEY)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_word_that_ends_like_a_name_is_no_name() {
    use ConnectionStringError as E;
    let named = "myendpoint=https://a.example;endpoint=https://b.example;accesskey=%";
    assert_eq!(parse(&named.replace('%', KEY)).unwrap().endpoint.host(), "b.example");
    let error = parse("x=endpoints=https://a.example;accesskey=c2VjcmV0").unwrap_err();
    assert_eq!(error, E::Missing("endpoint"));
}

#[test]
fn debug_shows_the_endpoint_and_not_the_key() {
    let read = parse(&format!("endpoint=https://a.example;accesskey={KEY}")).unwrap();
    let shown = format!("{read:?}");
    assert!(shown.contains("https://a.example/"), "{shown}");
    assert!(!shown.contains(&KEY[..8]) && !shown.contains("c2Vj"), "{shown}");
}

/// `make secret` cleans and checks with a parser of its own, in Python. Both are tested with the
/// same texts, and with what each of them becomes if it is accepted.
#[test]
fn make_secret_stores_what_is_accepted_here() {
    let rows: serde_json::Value = serde_json::from_str(include_str!("pasted.json")).unwrap();
    for row in rows.as_array().unwrap() {
        let pasted = row["pasted"].as_str().unwrap();
        match row["stored"].as_str() {
            Some(stored) => {
                assert_eq!(clean(pasted), stored, "{pasted:?}");
                let [one, other] = [pasted, stored].map(|text| parse(text).unwrap());
                assert_eq!((one.endpoint, one.key), (other.endpoint, other.key), "{pasted:?}");
            }
            None => assert!(parse(pasted).is_err(), "{pasted:?}"),
        }
    }
}

proptest! {
    #[test]
    fn an_error_never_quotes_the_connection_string(raw in "\\PC{0,60}CANARY\\PC{0,60}") {
        if let Err(error) = parse(&raw) {
            let text = format!("{error} {error:?}");
            prop_assert!(!text.contains("CANARY"));
        }
    }
}
