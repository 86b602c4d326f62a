//! Reaches the services through a proxy, with a certificate of its own authority.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};

use cli::{CliStack, LoneEmulator, ToolOutput, guestpass, run};

/// A proxy that opens tunnels to this machine and refuses all others. It records where they lead.
fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let tunnels: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&tunnels);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || tunnel(stream.unwrap(), &seen));
        }
    });
    (address, tunnels)
}

fn tunnel(mut client: TcpStream, seen: &Mutex<Vec<String>>) {
    let mut head = BufReader::new(client.try_clone().unwrap());
    let mut line = String::new();
    head.read_line(&mut line).unwrap();
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    seen.lock().unwrap().push(target.clone());
    while line.trim() != "" {
        line.clear();
        head.read_line(&mut line).unwrap();
    }
    let Some(port) = target.strip_prefix("localhost:") else {
        write!(client, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").unwrap();
        return;
    };
    let mut server = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    write!(client, "HTTP/1.1 200 Connected\r\n\r\n").unwrap();
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || io::copy(&mut from, &mut to));
    // The connection may be reset at its end.
    let _ = io::copy(&mut server, &mut client);
}

/// The doctor for a deployed service whose ACS is the emulator, by https.
fn doctor(stack: &CliStack, variables: &[(&str, &str)]) -> ToolOutput {
    let https = stack.text("/acs/https").replace("127.0.0.1", "localhost");
    let string = stack.connection_string().replace(&stack.text("/acs/http"), &https);
    let line = ["doctor", "-o", "tsv", "--issuer", "https://login.example"];
    let mut command: Command = guestpass(Path::new("/"), &line);
    command.envs([
        ("COMMUNICATION_SERVICES_CONNECTION_STRING", string.as_str()),
        ("GUESTPASS_TABLE", "t"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ]);
    run(command.envs(variables.iter().copied()), "")
}

#[test]
fn acs_aws_and_issuers_are_reached_through_the_proxy_unless_excepted() {
    let stack = CliStack::start();
    let (address, tunnels) = proxy();
    let proxy = format!("http://user:proxy-password@{address}");
    let ca = stack.text("/acs/caCert");
    let variables = [("HTTPS_PROXY", proxy.as_str()), ("SSL_CERT_FILE", &ca)];
    let told = doctor(&stack, &variables);
    assert!(told.stdout.contains("key\tgood"), "{told:?}");
    let shown = format!("proxy\tnote\thttps goes through http://{address} (HTTPS_PROXY)");
    assert!(told.stdout.contains(&shown), "{told:?}");
    assert!(
        told.stdout
            .contains(&format!("trust roots\tnote\tMozilla's root certificates and those in {ca}")),
        "{told:?}"
    );
    assert!(!format!("{told:?}").contains("proxy-password"), "{told:?}");
    let reached = |host: &str| {
        tunnels.lock().unwrap().iter().filter(|target| target.starts_with(host)).count()
    };
    assert!(reached("localhost:") >= 2, "endpoint and key: {tunnels:?}");
    assert!(reached("dynamodb.eu-west-1.amazonaws.com:443") > 0, "{tunnels:?}");
    assert!(reached("login.example:443") > 0, "{tunnels:?}");

    tunnels.lock().unwrap().clear();
    let excepted = [&variables[..], &[("NO_PROXY", "localhost")]].concat();
    let told = doctor(&stack, &excepted);
    assert!(told.stdout.contains("key\tgood"), "{told:?}");
    assert!(told.stdout.contains("except for localhost (NO_PROXY)"), "{told:?}");
    assert_eq!(reached("localhost:"), 0, "{tunnels:?}");
}

#[test]
fn entra_and_transmitters_are_reached_through_the_proxy() {
    let emulator = LoneEmulator::start(&[]);
    let (address, tunnels) = proxy();
    let proxy = format!("http://{address}");
    let token = ["token", "issue", "--new", "--scope", "voip"];
    let streams = ["events", "streams", "list", "--transmitter", "https://idp.example"];
    let streams = [&streams[..], &["--token-file", "-"]].concat();
    for (line, host) in [(&token[..], "login.example:443"), (&streams, "idp.example:443")] {
        let mut command = emulator.without_credentials(line);
        command.envs([
            ("HTTPS_PROXY", proxy.as_str()),
            ("COMMUNICATION_SERVICES_ENDPOINT", "https://acs.example"),
            ("AZURE_AUTHORITY_HOST", "https://login.example"),
            ("AZURE_TENANT_ID", "aaaaaaaa-2222-3333-4444-555555555555"),
            ("AZURE_CLIENT_ID", "11111111-2222-3333-4444-555555555555"),
            ("AZURE_CLIENT_SECRET", "secret"),
        ]);
        // The proxy opens no tunnel to another machine.
        assert_ne!(run(&mut command, "token").code, 0);
        let asked = tunnels.lock().unwrap();
        assert!(asked.iter().any(|target| target == host), "{line:?}: {asked:?}");
    }
}

#[test]
fn plain_http_is_never_sent_through_a_proxy() {
    let stack = CliStack::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let (engine, table) = (stack.text("/dynamodb"), stack.text("/table"));
    let variables = [
        ("HTTP_PROXY", proxy.as_str()),
        ("http_proxy", &proxy),
        ("AWS_ENDPOINT_URL", &engine),
        ("GUESTPASS_TABLE", &table),
    ];
    let told = doctor(&stack, &variables);
    assert!(told.stdout.contains("table\tgood"), "{told:?}");
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn a_proxy_whose_address_is_invalid_is_an_error_without_its_credentials() {
    let stack = CliStack::start();
    let told = doctor(&stack, &[("HTTPS_PROXY", "http://user:proxy-password@")]);
    assert!(told.stdout.contains("HTTPS_PROXY is not the URL of a proxy"), "{told:?}");
    assert!(!format!("{told:?}").contains("proxy-password"), "{told:?}");
}

#[test]
fn invalid_root_certificates_are_an_error_that_names_the_variable_and_the_file() {
    let stack = CliStack::start();
    let file = stack.dir().join("roots.pem");
    std::fs::write(&file, "no certificate").unwrap();
    let told = doctor(&stack, &[("SSL_CERT_FILE", file.to_str().unwrap())]);
    assert!(told.stdout.contains("trust roots\tbad"), "{told:?}");
    let text = format!("invalid file {}, which SSL_CERT_FILE names", file.display());
    assert!(told.stdout.contains(&text), "{told:?}");
}

#[test]
fn fips_and_dual_stack_endpoints_of_each_partition_are_used() {
    let stack = CliStack::start();
    let (address, tunnels) = proxy();
    let proxy = format!("http://{address}");
    let ca = stack.text("/acs/caCert");
    for (region, variable, host) in [
        ("us-east-1", "AWS_USE_FIPS_ENDPOINT", "dynamodb-fips.us-east-1.amazonaws.com:443"),
        ("us-east-1", "AWS_USE_DUALSTACK_ENDPOINT", "dynamodb.us-east-1.api.aws:443"),
        ("cn-north-1", "UNUSED", "dynamodb.cn-north-1.amazonaws.com.cn:443"),
        ("us-gov-west-1", "UNUSED", "dynamodb.us-gov-west-1.amazonaws.com:443"),
    ] {
        tunnels.lock().unwrap().clear();
        let variables = [
            ("HTTPS_PROXY", proxy.as_str()),
            ("SSL_CERT_FILE", &ca),
            ("AWS_REGION", region),
            (variable, "true"),
        ];
        doctor(&stack, &variables);
        assert!(tunnels.lock().unwrap().iter().any(|one| one == host), "{host}: {tunnels:?}");
    }
}

/// The findings of a check of the doctor.
fn finding<'a>(told: &'a ToolOutput, check: &str) -> &'a str {
    let of = |line: &&str| line.split('\t').next() == Some(check);
    told.stdout.lines().find(of).unwrap_or_else(|| panic!("{check}: {told:?}"))
}

#[test]
fn acs_aws_and_issuers_are_trusted_with_the_certificates_of_one_variable() {
    let stack = CliStack::with(&["--https"]);
    let https = stack.text("/acs/https").replace("127.0.0.1", "localhost");
    let issuer = stack.text("/issuer");
    assert!(issuer.starts_with("https://"), "{issuer}");
    let roots = stack.dir().join("roots.pem");
    let pem = ["/acs/caCert", "/caCert"].map(|at| std::fs::read_to_string(stack.text(at)).unwrap());
    std::fs::write(&roots, pem.concat()).unwrap();
    let look = |variables: &[(&str, &str)]| {
        let string = stack.connection_string().replace(&stack.text("/acs/http"), &https);
        let line = ["doctor", "-o", "tsv", "--issuer", &issuer];
        let mut command = guestpass(Path::new("/"), &line);
        command.envs([
            ("COMMUNICATION_SERVICES_CONNECTION_STRING", string.as_str()),
            ("GUESTPASS_TABLE", "t"),
            // It is not DynamoDB, but a TLS server with an authority of its own.
            ("AWS_ENDPOINT_URL_DYNAMODB", &https),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
        ]);
        run(command.envs(variables.iter().copied()), "")
    };
    let unknown = look(&[]);
    for check in ["endpoint", "table", "issuer"] {
        let found = finding(&unknown, check);
        assert!(found.contains("\tbad\t") && found.contains("UnknownIssuer"), "{found}");
    }
    let told = finding(&unknown, "trust roots");
    assert!(told.contains("Mozilla's root certificates are trusted"), "{told}");
    let known = look(&[("SSL_CERT_FILE", roots.to_str().unwrap())]);
    for check in ["endpoint", "key", "issuer"] {
        let found = finding(&known, check);
        assert!(found.contains("\tgood\t"), "{found}");
    }
    let table = finding(&known, "table");
    assert!(!table.contains("UnknownIssuer") && !table.contains("certificate"), "{table}");
}

#[test]
fn aws_is_not_asked_with_invalid_root_certificates() {
    let stack = CliStack::start();
    let file = stack.dir().join("roots.pem");
    std::fs::write(&file, "no certificate").unwrap();
    let mut command = guestpass(Path::new("/"), &["status"]);
    command.envs([("GUESTPASS_SECRET", "arn:a"), ("AWS_REGION", "eu-west-1")]);
    let refused = run(command.env("SSL_CERT_FILE", &file), "");
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("which SSL_CERT_FILE names"), "{refused:?}");
    assert!(refused.stderr.contains("in PEM format, or unset it"), "{refused:?}");
}

#[test]
fn a_proxy_is_not_used_for_the_stack() {
    let stack = CliStack::start();
    stack.identity("alice");
    let mut doctor = stack.command(&["doctor", "--bearer-file", "-"]);
    // No server listens on port 1.
    doctor.envs([("HTTP_PROXY", "http://127.0.0.1:1"), ("http_proxy", "http://127.0.0.1:1")]);
    let well = run(&mut doctor, &stack.bearer("sub=alice"));
    assert_eq!(well.code, 0, "{well:?}");
}
