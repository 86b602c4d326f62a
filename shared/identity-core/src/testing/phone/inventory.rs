use crate::model::phone::{PhoneEntry, PhonePrincipal, PhoneState};
use crate::model::{AuditEntry, Error, ExternalId};
use crate::ports::{PhoneInventory, PhonePage, PhonePosition};
use crate::testing::MemoryIdentityStore;

impl PhoneInventory for MemoryIdentityStore {
    async fn find_entry(&self, principal: &PhonePrincipal) -> Result<Option<PhoneEntry>, Error> {
        Ok(self.with_phone(|phone, _| phone.entries.get(principal).cloned()))
    }

    async fn write_entry(
        &self,
        seen: Option<&PhoneEntry>,
        next: &PhoneEntry,
        audit: Option<&AuditEntry>,
    ) -> Result<bool, Error> {
        Ok(self.with_phone(|phone, log| {
            let found = phone.entries.get(&next.principal());
            if found == Some(next) {
                return true;
            }
            if found.map(|entry| entry.version) != seen.map(|entry| entry.version) {
                return false;
            }
            phone.entries.insert(next.principal(), next.clone());
            log.extend(audit.cloned());
            true
        }))
    }

    async fn list_entries(
        &self,
        after: Option<&PhonePosition>,
        limit: u16,
    ) -> Result<PhonePage, Error> {
        let listed = |entry: &&PhoneEntry| {
            entry.state != PhoneState::Removed
                && after.is_none_or(|after| PhonePosition::from(*entry) > *after)
        };
        let mut entries: Vec<_> =
            self.with_phone(|phone, _| phone.entries.values().filter(listed).cloned().collect());
        entries.sort_by_key(|entry| PhonePosition::from(entry));
        let is_end = entries.len() <= usize::from(limit);
        entries.truncate(limit.into());
        let next = entries.last().filter(|_| !is_end).map(PhonePosition::from);
        Ok(PhonePage { entries, next })
    }

    async fn unfinished_principals(&self) -> Result<Vec<PhonePrincipal>, Error> {
        let mut unfinished: Vec<_> = self.with_phone(|phone, _| {
            let entries = phone.entries.values().filter(|entry| entry.state.is_unfinished());
            entries.map(|entry| (entry.changed_at, entry.principal())).collect()
        });
        unfinished.sort();
        Ok(unfinished.into_iter().map(|(_, principal)| principal).collect())
    }

    async fn link_principal(
        &self,
        user: &ExternalId,
        principal: &PhonePrincipal,
    ) -> Result<(), Error> {
        self.with_phone(|phone, _| {
            phone.links.entry(user.clone()).or_default().insert(principal.clone());
        });
        Ok(())
    }

    async fn linked_principals(&self, user: &ExternalId) -> Result<Vec<PhonePrincipal>, Error> {
        Ok(self
            .with_phone(|phone, _| phone.links.get(user).into_iter().flatten().cloned().collect()))
    }
}
