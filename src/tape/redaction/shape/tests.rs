use proptest::prelude::*;

use super::*;

fn key() -> Key {
    Key::new([7; KEY_BYTES])
}

fn kinds(text: &str) -> String {
    let kind = |c: char| match c {
        '0'..='9' => '0',
        'a'..='z' => 'a',
        'A'..='Z' => 'A',
        _ if c.is_ascii() => c,
        _ => 'é',
    };
    text.chars().map(kind).collect()
}

#[test]
fn a_pseudonym_has_the_shape_of_its_secret() {
    for value in [
        "hunter2",
        "7F3A-99c!",
        "пароль",
        "密码12",
        "a",
        "0",
        "1",
        "00",
        "correct horse battery",
        "12345678",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    ] {
        let made = key().pseudonym(value);
        assert_ne!(made, value);
        assert_eq!(kinds(&made), kinds(value), "{value} {made}");
        assert_eq!(made.len(), value.len(), "{value} {made}");
        assert_eq!(made, key().pseudonym(value));
        assert_ne!(
            made,
            Key::new([8; KEY_BYTES]).pseudonym(&format!("{value}x"))
        );
    }
    assert!(!key().pseudonym("9000").starts_with('0'));
    assert_ne!(key().pseudonym("!!!!"), "!!!!");
}

#[test]
fn hexadecimal_digits_and_identifiers_stay_what_they_are() {
    let made = key().pseudonym("00ff17ab99cd");
    assert!(made.chars().all(|c| c.is_ascii_hexdigit()), "{made}");
    let made = key().pseudonym("7c9e6679-7425-40de-944b-e07fc1f90ae7");
    assert!(is_uuid(&made), "{made}");
    assert_eq!((made.as_bytes()[14], made.as_bytes()[19]), (b'4', b'9'));
}

#[test]
fn base64_is_read_and_says_the_pseudonym_of_its_text() {
    let secret = "alice:correct horse";
    let made = key().pseudonym(&STANDARD.encode(secret));
    let text = String::from_utf8(STANDARD.decode(&made).unwrap()).unwrap();
    assert_eq!(text, key().pseudonym(secret));
    for octets in [
        &[0xff, 0x17, 0x88, 0x91][..],
        &[0xff, 0x17, 0x88, 0x91, 0xaf],
    ] {
        let made = key().pseudonym(&STANDARD.encode(octets));
        assert_eq!(
            STANDARD.decode(&made).unwrap().len(),
            octets.len(),
            "{made}"
        );
    }
}

#[test]
fn a_signed_token_is_read_with_its_times_and_types() {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = r#"{"sub":"alice","exp":1392308459,"token_use":"access","n":{"m":["Bob"]}}"#;
    let token = format!(
        "{header}.{}.{}",
        URL_SAFE_NO_PAD.encode(claims),
        URL_SAFE_NO_PAD.encode([9; 32])
    );
    let made = key().pseudonym(&token);
    let fields: Vec<&str> = made.split('.').collect();
    assert_eq!(fields[0], header);
    let read: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(fields[1]).unwrap()).unwrap();
    assert_eq!(read["exp"], 1_392_308_459);
    assert_eq!(read["token_use"], "access");
    assert_ne!(read["sub"], "alice");
    assert_ne!(read["n"]["m"][0], "Bob");
    let signature = URL_SAFE_NO_PAD.decode(fields[2]).unwrap();
    assert!(signature.len() == 32 && signature != [9; 32]);
}

#[test]
fn a_key_is_written_and_read() {
    let key = Key::new(std::array::from_fn(|at| u8::try_from(at * 8).unwrap()));
    assert_eq!(Key::from_hex(&key.to_hex()), Some(key.clone()));
    assert_eq!(Key::from_hex("00"), None);
    assert_eq!(Key::from_hex(&"x".repeat(64)), None);
    assert_eq!(format!("{key:?}"), "Key(…)");
}

proptest! {
    #[test]
    fn no_value_is_its_own_pseudonym(value in "[ -~é]{1,24}") {
        prop_assume!(!value.trim().is_empty());
        let made = key().pseudonym(&value);
        prop_assert_ne!(&made, &value);
        prop_assert_eq!(made.len(), value.len());
    }
}
