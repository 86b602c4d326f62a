// The fixture of the examples in the documentation: an emulator of ACS, and the system's clock.

use acs_client::{AcsIdentityClient, Config};

struct ExampleFixture {
    acs: AcsIdentityClient<MachineClock>,
    clock: MachineClock,
    connection_string: String,
    deadline: std::time::SystemTime,
    emulator: acs_emulator::Emulator,
    server: acs_emulator::EmulatorServer,
}

impl ExampleFixture {
    async fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let emulator = acs_emulator::Emulator::builder().build()?;
        let server = emulator.serve_on_loopback().await?;
        let connection_string = server.connection_string();
        let config = Config {
            bearer_over_loopback_http: true,
            ..Config::new(connection_string.parse()?)
        };
        let acs = AcsIdentityClient::new(config, MachineClock)?;
        let deadline = std::time::SystemTime::now() + std::time::Duration::from_secs(20);
        Ok(Self { acs, clock: MachineClock, connection_string, deadline, emulator, server })
    }

    /// Issues an Entra token of a user with these claims.
    async fn entra_token(&self, claims: serde_json::Value) -> Result<EntraToken, Box<dyn std::error::Error>> {
        let url = format!("{}/_emulator/entra/token", self.server.endpoint());
        let request = reqwest::Client::new().post(url).body(claims.to_string());
        let issued: serde_json::Value =
            serde_json::from_str(&request.send().await?.error_for_status()?.text().await?)?;
        let text = |at: &str| issued.pointer(at).and_then(|it| it.as_str()).unwrap_or_default().to_owned();
        Ok(EntraToken {
            token: identity_core::secret::Secret::new(text("/token")),
            app_id: text("/claims/appid"),
            user_id: text("/claims/oid"),
            tenant_id: text("/claims/tid"),
        })
    }
}

struct EntraToken {
    token: identity_core::secret::Secret,
    app_id: String,
    user_id: String,
    tenant_id: String,
}

#[derive(Clone, Copy)]
struct MachineClock;

impl identity_core::ports::Clock for MachineClock {
    fn now(&self) -> std::time::SystemTime {
        std::time::SystemTime::now()
    }

    async fn sleep(&self, pause: std::time::Duration) {
        tokio::time::sleep(pause).await;
    }
}
