//! The account, the region and the ARNs of the resources on this machine.

pub(crate) const ACCOUNT: &str = "000000000000";

pub(crate) const REGION: &str = "local";

/// The ARN of a resource of the AWS service `service`.
pub(crate) fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

pub(crate) fn queue_arn(name: &str) -> String {
    arn("sqs", name)
}

/// The bus name from a name or an ARN. The name of a partner's bus contains slashes.
pub(crate) fn bus_name(bus: Option<&str>) -> &str {
    match bus {
        None | Some("") => "default",
        Some(bus) if bus.starts_with("arn:") => {
            bus.split_once("event-bus/").map_or(bus, |(_, name)| name)
        }
        Some(bus) => bus,
    }
}
