//! What a page of documentation says that a request must look like.

/// The rules of one operation, read from the parameter table of its page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// The method of the requests that it governs.
    pub method: String,
    /// Their path, with a name in braces for each variable segment: `/api/v2/me/chats/{id}`.
    pub path: String,
    /// The value of the body's `operationName` field that tells this operation from others on the
    /// same path; `None` where the page names none.
    pub operation: Option<String>,
    /// The rows of the table, in order.
    pub parameters: Vec<Parameter>,
}

/// One row of a parameter table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The field's name.
    pub name: String,
    /// When it must or may be there.
    pub presence: Presence,
    /// The value that the service takes where the field is absent.
    pub default: Option<String>,
    /// The only values that it may have; empty where the page names none.
    pub allowed: Vec<String>,
    /// The row's own words, which a refusal quotes.
    pub text: String,
}

/// When a field must or may stand in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Always there.
    Mandatory,
    /// There or not.
    Optional,
    /// There, unless the named field is.
    Unless(String),
    /// May be there, but only together with the named field.
    OnlyWith(String),
    /// The page does not say.
    Unstated,
}
