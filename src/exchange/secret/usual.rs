//! The usual names of secrets, and those that look like them and are none.
//!
//! Which names a user adds or exempts is not known here.

/// What a secret's name may contain, in lower case and without punctuation.
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "passwort",
    "secret",
    "token",
    "credential",
    "csrf",
    "xsrf",
    "jwt",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "signingkey",
    "sessionkey",
    "encryptionkey",
    "masterkey",
    "sharedkey",
    "authkey",
    "accountkey",
    "subscriptionkey",
    "consumerkey",
    "licensekey",
    "sessionid",
    "sessid",
    "samlresponse",
    "codeverifier",
    "authorization",
];

/// What a secret's name may be, or have as its last word.
const LAST_WORDS: &[&str] = &[
    "pwd",
    "pass",
    "pin",
    "otp",
    "totp",
    "sid",
    "sig",
    "signature",
    "bearer",
    "assertion",
];

/// What a secret's name may be.
const WHOLE: &[&str] = &[
    "auth",
    "cookie",
    "setcookie",
    "oauth",
    "samlart",
    "xfunctionskey",
    "authticket",
    "sessionticket",
];

/// Last words of names that tell *about* a secret.
const ABOUT: &[&str] = &[
    "age",
    "algorithm",
    "at",
    "attempts",
    "count",
    "created",
    "date",
    "enabled",
    "endpoint",
    "exp",
    "expiration",
    "expired",
    "expires",
    "expiry",
    "field",
    "format",
    "header",
    "hint",
    "id",
    "in",
    "issued",
    "issuer",
    "kind",
    "label",
    "lastchanged",
    "length",
    "lifetime",
    "limit",
    "link",
    "location",
    "method",
    "methods",
    "min",
    "max",
    "mode",
    "name",
    "names",
    "param",
    "parameter",
    "path",
    "policy",
    "prefix",
    "required",
    "rule",
    "rules",
    "scheme",
    "scope",
    "size",
    "state",
    "status",
    "strength",
    "supported",
    "time",
    "timeout",
    "ttl",
    "type",
    "types",
    "uri",
    "url",
    "used",
    "version",
];

/// Words that end in `id` as names of secrets do: they are no telling about one.
const SECRET_IDS: &[&str] = &["sessionid", "sessid", "accesskeyid"];

/// First words of names that ask about a secret, or count what else is called a token.
const ASKING: &[&str] = &[
    "allow",
    "can",
    "completion",
    "cached",
    "has",
    "is",
    "input",
    "max",
    "min",
    "must",
    "needs",
    "num",
    "output",
    "prompt",
    "reasoning",
    "require",
    "requires",
    "show",
    "total",
    "use",
    "uses",
    "used",
];

/// Whether what has this name, which is this without punctuation, is a secret unless somebody says otherwise.
pub(super) fn is_usual(name: &str, bare: &str) -> bool {
    if WHOLE.contains(&bare) {
        return true;
    }
    let words = words(name);
    let is = |list: &[&str], word: Option<&String>| {
        word.is_some_and(|word| list.contains(&word.as_str()))
    };
    if is(LAST_WORDS, words.last()) {
        return !is(ASKING, words.first());
    }
    if !WORDS.iter().any(|word| bare.contains(word)) || words.len() > 1 && is(ASKING, words.first())
    {
        return false;
    }
    if SECRET_IDS.iter().any(|end| bare.ends_with(end)) {
        return true;
    }
    !(words.len() > 1 && is(ABOUT, words.last()) || tells_about(bare))
}

/// As for names of several words, for one that is written as a single one: `tokentype`.
fn tells_about(bare: &str) -> bool {
    let about = [
        "type",
        "header",
        "param",
        "policy",
        "expires",
        "expiresin",
        "length",
        "name",
        "url",
    ];
    WORDS.iter().any(|word| {
        bare.rsplit_once(word)
            .is_some_and(|(_, rest)| about.contains(&rest))
    })
}

/// The words of a name, in lower case: parted by punctuation, and where small letters turn into a
/// capital.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = None;
    for c in name.chars() {
        let part = !c.is_alphanumeric();
        let turn = c.is_uppercase() && before.is_some_and(|before: char| !before.is_uppercase());
        if part || turn {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut()
            && !part
        {
            word.extend(c.to_lowercase());
        }
        before = Some(c);
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::super::Names;

    #[test]
    fn usual_names_of_secrets_are_known_however_they_are_written() {
        let names = Names::default();
        for name in [
            "Authorization",
            "Proxy-Authorization",
            "Cookie",
            "Set-Cookie",
            "X-CSRF-TOKEN",
            "x-xsrf-token",
            "_csrf",
            "csrfmiddlewaretoken",
            "password",
            "userPassword",
            "new_password",
            "PASSWORD2",
            "passwordConfirm",
            "Passwd",
            "pwd",
            "passphrase",
            "pin",
            "user-pin",
            "passcode",
            "token",
            "access_token",
            "id_token",
            "refreshToken",
            "accesstoken",
            "X-Auth-Token",
            "tokens",
            "jwt",
            "bearer",
            "assertion",
            "client_assertion",
            "SAMLResponse",
            "code_verifier",
            "secret",
            "client_secret",
            "clientSecret",
            "secrets",
            "apiKey",
            "api_key",
            "X-API-Key",
            "apikey",
            "secretKey",
            "privateKey",
            "accessKey",
            "AWSAccessKeyId",
            "signingKey",
            "sessionKey",
            "credentials",
            "X-Amz-Credential",
            "X-Amz-Signature",
            "sig",
            "signature",
            "jsessionid",
            "JSESSIONID",
            "sessionId",
            "PHPSESSID",
            "sid",
            "connect.sid",
            "Ocp-Apim-Subscription-Key",
            "otp",
            "x-amz-security-token",
        ] {
            assert!(names.is_secret(name), "{name}");
        }
    }

    #[test]
    fn names_that_tell_about_a_secret_or_of_something_else_are_none() {
        let names = Names::default();
        for name in [
            "tokenType",
            "token_type",
            "tokentype",
            "token_expires_in",
            "tokenExpiresAt",
            "passwordPolicy",
            "hasPassword",
            "isTokenValid",
            "X-CSRF-HEADER",
            "X-CSRF-PARAM",
            "csrfHeaderName",
            "csrf_param",
            "client_assertion_type",
            "passwordLength",
            "token_endpoint",
            "tokenUrl",
            "max_tokens",
            "total_tokens",
            "completionTokens",
            "key",
            "keys",
            "publicKey",
            "Idempotency-Key",
            "Sec-WebSocket-Key",
            "id",
            "name",
            "session",
            "userName",
            "passenger",
            "compass",
            "spin",
            "shipping",
            "inside",
            "design",
            "code",
            "state",
            "",
        ] {
            assert!(!names.is_secret(name), "{name}");
        }
    }
}
