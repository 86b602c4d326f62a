//! `guestpass invitation list`

use std::time::{Duration, SystemTime};

use futures_util::future::try_join_all;
use identity_core::guest::{Invitation, InvitationStatus};
use identity_core::identity::ExternalId;
use identity_core::ports::{
    Clock as _, InvitationIndex, InvitationQuery, InvitationStore as _, TimeBound,
};
use identity_core::secret::Secret;

use super::in_order::{OrderedInvitations, first_page};
use crate::commands::CommandContext;
use crate::input::parse_external_id;
use crate::options::InvitationListArguments;
use crate::report::{ListedInvitation, Result};

/// Lists invitations: those being revoked, because they may need an operator, then the others as
/// they close.
pub(crate) async fn run(
    arguments: InvitationListArguments,
    context: &CommandContext,
) -> Result<()> {
    let by = arguments.by.as_deref().map(parse_external_id).transpose()?;
    context.format()?;
    let session = context.session().await?;
    let mut rows = context.rows(&session.clock)?;
    let now = session.clock.now();
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    let filter = InvitationFilter { arguments: &arguments, by, now };
    for (first, until) in filter.lists() {
        let mut ordered = OrderedInvitations::new(&first, until);
        while left > 0 {
            let read = session.run(async |_| ordered.next(&session.store).await);
            let Some(positions) = read.await? else { break };
            for some in positions.chunks(AT_A_TIME) {
                let reads = some.iter().map(|found| session.store.find_invitation(&found.id));
                let found = session.run(async |_| try_join_all(reads).await).await?;
                for invitation in found.into_iter().flatten() {
                    if left > 0 && filter.admits(&invitation) {
                        rows.push(ListedInvitation::new(&invitation, now))?;
                        left -= 1;
                    }
                }
                if left == 0 {
                    break;
                }
            }
        }
    }
    rows.finish()
}

/// What to list.
struct InvitationFilter<'a> {
    arguments: &'a InvitationListArguments,
    by: Option<ExternalId>,
    now: SystemTime,
}

impl InvitationFilter<'_> {
    /// The lists to read, each until a time. They have all that [`Self::admits`] admits: the times
    /// only save reads.
    fn lists(&self) -> Vec<(InvitationQuery, Option<SystemTime>)> {
        let (state, until) = (self.arguments.state, self.until());
        let moment = Duration::from_millis(1);
        let times = match state {
            Some(InvitationStatus::Closed) => Some(TimeBound::Before(self.now + moment)),
            Some(InvitationStatus::Open | InvitationStatus::Locked) => {
                Some(TimeBound::After(self.now))
            }
            _ => until.map(|_| TimeBound::After(self.now)),
        };
        let list = |index| InvitationQuery { created_by: self.by.clone(), ..first_page(index) };
        let revoking = (list(InvitationIndex::Revoking), None);
        let others = (InvitationQuery { times, ..list(InvitationIndex::ClosesAt) }, until);
        match state {
            None => vec![revoking, others],
            Some(InvitationStatus::Revoking) => vec![revoking],
            Some(_) => vec![others],
        }
    }

    fn admits(&self, invitation: &Invitation) -> bool {
        let InvitationListArguments { state, matching, .. } = self.arguments;
        let contains = |part: &String| {
            let reference = invitation.reference.as_ref().map(Secret::expose);
            let texts =
                [Some(invitation.id.as_str()), Some(invitation.created_by.as_str()), reference];
            texts.into_iter().flatten().any(|text| text.contains(part.as_str()))
        };
        state.is_none_or(|state| invitation.status(self.now) == state)
            && self.by.as_ref().is_none_or(|by| invitation.created_by == *by)
            && self.until().is_none_or(|until| (self.now..=until).contains(&invitation.closes_at))
            && matching.as_ref().is_none_or(contains)
    }

    /// The last time of the list, if there is one.
    fn until(&self) -> Option<SystemTime> {
        self.arguments.closing_within.and_then(|span| self.now.checked_add(span))
    }
}

/// The number of invitations that are read at a time.
const AT_A_TIME: usize = 16;
