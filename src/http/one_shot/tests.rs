use super::*;
use crate::http::testing::{ADA, Chat, MAX_ONE_SHOT, message};

const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=x");

#[tokio::test]
async fn what_can_be_refused_before_the_body_is() {
    let chat = Chat::new(routes()).await;
    let too_long = (MAX_ONE_SHOT + FORM_SLACK_BYTES + 1).to_string();
    let no_form = "Content-Type is not multipart/form-data with a boundary";
    type Refusal<'a> = (Option<&'a str>, &'a str, &'a [(&'a str, &'a str)], u16, &'a str);
    let table: [Refusal<'_>; 9] = [
        (None, "", &[FORM], 401, "Missing access token"),
        (
            Some(ADA),
            "?conversation_id=x",
            &[FORM],
            400,
            "Invalid conversation_id",
        ),
        (
            Some(ADA),
            "?conversation_id=",
            &[],
            400,
            "Invalid conversation_id",
        ),
        (
            Some(ADA),
            "",
            &[FORM, ("content-length", &too_long)],
            413,
            "The file is larger than the server accepts",
        ),
        (
            Some(ADA),
            "",
            &[FORM, ("idempotency-key", "")],
            400,
            "Invalid client_message_id",
        ),
        (
            Some(ADA),
            "",
            &[FORM, ("idempotency-key", "\u{e9}")],
            400,
            "Invalid client_message_id",
        ),
        (Some(ADA), "", &[], 400, no_form),
        (
            Some(ADA),
            "",
            &[("content-type", "application/json")],
            400,
            no_form,
        ),
        (
            Some(ADA),
            "",
            &[("content-type", "multipart/form-data")],
            400,
            no_form,
        ),
    ];
    for (user, query, headers, status, detail) in table {
        let answer = chat
            .request(user, "POST", &format!("/messages/upload{query}"), headers, "")
            .await;
        assert_eq!(
            (answer.status, answer.detail()),
            (status, detail.to_owned()),
            "{query} {headers:?}"
        );
    }
}

#[tokio::test]
async fn a_form_without_a_file_makes_no_message() {
    let chat = Chat::new(routes()).await;
    for (body, detail) in [
        ("--x--\r\n", "Missing file"),
        (
            "--x\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\nhi\r\n--x--\r\n",
            "Missing file",
        ),
        (
            "--x\r\nContent-Disposition: form-data; name=\"conversation_id\"\r\n\r\n12\r\n--x--\r\n",
            "Invalid conversation_id",
        ),
        (
            "--x\r\nContent-Disposition: form-data; name=\"reply_to\"\r\n\r\n12\r\n--x--\r\n",
            "Invalid reply_to",
        ),
        (
            "--x\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\na\r\n\
             --x\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\nb\r\n--x--\r\n",
            "content is given twice",
        ),
        ("hello", "Malformed multipart body"),
        ("", "Malformed multipart body"),
    ] {
        let answer = chat
            .request(Some(ADA), "POST", "/messages/upload", &[FORM], body)
            .await;
        assert_eq!(
            (answer.status, answer.detail()),
            (400, detail.to_owned()),
            "{body}"
        );
    }
}

#[test]
fn a_key_may_be_quoted() {
    for (key, plain) in [
        ("a", "a"),
        ("\"a b\"", "a b"),
        ("\"", "\""),
        ("\"a", "\"a"),
        ("\"\"", ""),
    ] {
        assert_eq!(unquoted(key), plain);
    }
}

#[test]
fn success_is_the_message_in_an_envelope() {
    let message = message(1);
    let body = success(&message);
    assert_eq!(body["success"], json!(true));
    assert_eq!(
        body["message"],
        serde_json::to_value(message.body()).expect("serializable")
    );
}
