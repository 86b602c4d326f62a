/// Why nothing follows from a valid SET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhySetIgnored {
    /// No event is of a known type. Receivers must ignore such a SET.
    UnknownEvent,
    /// The events are known and change nothing here.
    NoEffect,
    /// The subject names no user of this deployment, or in a format that cannot be mapped.
    UnmappedSubject,
    /// A critical member of the subject is in an unknown format.
    CriticalSubjectMember,
}

impl WhySetIgnored {
    /// The reason as it is logged.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownEvent => "unknown-event",
            Self::NoEffect => "no-effect",
            Self::UnmappedSubject => "unmapped-subject",
            Self::CriticalSubjectMember => "critical-subject-member",
        }
    }
}
