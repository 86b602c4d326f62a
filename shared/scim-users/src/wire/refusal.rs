use std::borrow::Cow;

/// Why a request is refused, as an error of RFC 7644 §3.12. It contains no value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScimRefusal {
    pub(crate) status: u16,
    /// The keyword of RFC 7644, table 9.
    pub(crate) scim_type: Option<&'static str>,
    pub(crate) detail: Cow<'static, str>,
}

impl ScimRefusal {
    pub(crate) fn new(status: u16, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }

    fn typed(scim_type: &'static str, status: u16, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { scim_type: Some(scim_type), ..Self::new(status, detail) }
    }

    pub(crate) fn syntax(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed("invalidSyntax", 400, detail)
    }

    pub(crate) fn value(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed("invalidValue", 400, detail)
    }

    pub(crate) fn path(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed("invalidPath", 400, detail)
    }

    pub(crate) fn filter(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed("invalidFilter", 400, detail)
    }

    pub(crate) fn no_target(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::typed("noTarget", 400, detail)
    }

    pub(crate) fn name_taken() -> Self {
        let detail = "Another user has this `userName`. Find it with the filter `userName eq`, and change it.";
        Self::typed("uniqueness", 409, detail)
    }

    pub(crate) fn no_such_user() -> Self {
        Self::new(404, "The user with this id does not exist.")
    }
}
