use std::collections::{BTreeMap, BTreeSet};

use crate::model::ExternalId;
use crate::model::phone::{PhoneEntry, PhonePrincipal};

/// The inventory in a map.
#[derive(Debug, Default)]
pub(crate) struct PhoneContents {
    pub(crate) entries: BTreeMap<PhonePrincipal, PhoneEntry>,
    pub(crate) links: BTreeMap<ExternalId, BTreeSet<PhonePrincipal>>,
}
