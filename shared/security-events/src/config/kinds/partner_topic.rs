//! The partner topic of Azure Event Grid, if Graph sends its notifications there.

use entra_users::DirectoryId;

/// A partner topic of Azure Event Grid, through which Graph's notifications come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerTopic {
    resource_id: String,
}

impl PartnerTopic {
    /// Reads the form in which Graph takes a partner topic as a `notificationUrl`:
    /// `EventGrid:?azuresubscriptionid=…&resourcegroup=…&partnertopic=…&location=…`, in any order.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let query = url.strip_prefix("EventGrid:?")?;
        let mut values = [None; PARAMETERS.len()];
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=')?;
            let index = PARAMETERS.iter().position(|known| *known == name)?;
            let seen = values.get_mut(index)?.replace(value);
            if seen.is_some() || !is_plain(value) {
                return None;
            }
        }
        let [Some(subscription), Some(group), Some(topic), Some(_location)] = values else {
            return None;
        };
        let subscription: DirectoryId = subscription.parse().ok()?;
        let resource_id = format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/\
             Microsoft.EventGrid/partnerTopics/{topic}"
        );
        Some(Self { resource_id })
    }

    /// Whether this is the resource id of the topic. Azure does not distinguish upper and lower case
    /// in resource ids.
    #[must_use]
    pub fn has_resource_id(&self, id: &str) -> bool {
        self.resource_id.eq_ignore_ascii_case(id)
    }
}

/// Whether a value has only characters that names in Azure have.
fn is_plain(value: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.()".contains(&byte);
    !value.is_empty() && value.bytes().all(allowed)
}

const PARAMETERS: [&str; 4] = ["azuresubscriptionid", "resourcegroup", "partnertopic", "location"];

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "EventGrid:?azuresubscriptionid=8A8A8A8A-4B4B-4C4C-4D4D-12E12E12E12E\
                       &resourcegroup=rg_1.(a)&partnertopic=users&location=westeurope";

    const ID: &str = "/subscriptions/8a8a8a8a-4b4b-4c4c-4d4d-12e12e12e12e/resourceGroups/rg_1.(a)/\
                      providers/Microsoft.EventGrid/partnerTopics/users";

    #[test]
    fn a_partner_topic_is_compared_by_its_resource_id_in_any_case() {
        let topic = PartnerTopic::parse(URL).unwrap();
        assert!(topic.has_resource_id(ID) && topic.has_resource_id(&ID.to_uppercase()));
        for other in [&ID.replace("users", "other"), &ID.replace("rg_1", "rg_2"), &ID[1..], ""] {
            assert!(!topic.has_resource_id(other), "{other}");
        }
        let reversed = "EventGrid:?location=l&partnertopic=users&resourcegroup=rg_1.(a)\
                        &azuresubscriptionid=8a8a8a8a-4b4b-4c4c-4d4d-12e12e12e12e";
        assert_eq!(PartnerTopic::parse(reversed), Some(topic));
    }

    #[test]
    fn another_form_is_not_a_partner_topic() {
        for wrong in [
            "https://api.example.com/v1/signals/entra".to_owned(),
            URL.replace("EventGrid:?", "EventHub:?"),
            URL.replace("8A8A8A8A-", ""),
            URL.replace("&location=westeurope", ""),
            URL.replace("&location", "&place"),
            URL.replace("partnertopic=users", "partnertopic="),
            URL.replace("partnertopic=users", "partnertopic=a/b"),
            URL.replace("partnertopic=users", "partnertopic"),
            format!("{URL}&location=northeurope"),
            format!("{URL}&more=1"),
            format!("{URL}&"),
        ] {
            assert_eq!(PartnerTopic::parse(&wrong), None, "{wrong}");
        }
    }
}
