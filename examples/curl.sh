#!/usr/bin/env bash
# A walk through the server with curl, from a token to a message and its file.
#
#   ./curl.sh                             with a server in demo mode, which says who is there
#   TOKEN=... CONVERSATION=... ./curl.sh  as one of your users (`longhaul token` prints a token)
#   LONGHAUL_JWT_SECRET=... ./curl.sh     the server's secret: tokens and a conversation are made here
#
# SERVER is http://127.0.0.1:8000 by default. Needs curl, and openssl for the last form.
set -euo pipefail

SERVER=${SERVER:-http://127.0.0.1:8000}
CONVERSATION=${CONVERSATION:-507f1f77bcf86cd799439012}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
step() { printf '\n== %s\n' "$*"; }

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# A JSON Web Token as the server takes it: HS256, a user, an end, and for administrators a scope.
token() {
    local claims="{\"sub\":\"$1\",\"exp\":$(($(date +%s) + 3600))${2:+,\"scope\":\"$2\"}}"
    local text
    text="$(printf '{"alg":"HS256","typ":"JWT"}' | base64url).$(printf '%s' "$claims" | base64url)"
    printf '%s.%s' "$text" "$(printf '%s' "$text" | openssl dgst -sha256 -hmac "$LONGHAUL_JWT_SECRET" -binary | base64url)"
}

if [[ -n ${LONGHAUL_JWT_SECRET:-} ]]; then
    step "A token for a user, and a conversation that an administrator makes: PUT /conversations/{id}"
    TOKEN=$(token alice@example.com)
    CONVERSATION=$(openssl rand -hex 12)
    curl -sS --fail-with-body -X PUT "$SERVER/conversations/$CONVERSATION" \
        -H "Authorization: Bearer $(token root@example.com admin)" \
        -H 'Content-Type: application/json' \
        -d '{"participants":["alice@example.com","bob@example.com"]}' -w '%{http_code}\n'
fi
if [[ -z ${TOKEN:-} ]]; then
    step "The people of the demo: GET /demo.json"
    TOKEN=$(curl -sS --fail-with-body "$SERVER/demo.json" | grep -o '"token":"[^"]*"' | head -n 1 | cut -d '"' -f 4)
fi
auth="Authorization: Bearer $TOKEN"
head -c 3000000 /dev/urandom >"$work/my video.mp4"

# The one header or JSON key of an answer that the next step needs.
header() { tr -d '\r' <"$work/headers" | sed -n "s/^$1: //Ip"; }
key() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

step "In one request: POST /messages/upload"
curl -sS --fail-with-body "$SERVER/messages/upload" -H "$auth" \
    -F "conversation_id=$CONVERSATION" -F 'content=Check out this video!' -F "file=@$work/my video.mp4"

step "Resumable, 1: POST creates the upload; the answer's Location is its URL"
name=$(printf 'my video.mp4' | base64)
caption=$(printf 'In two pieces' | base64)
curl -sS --fail-with-body -D "$work/headers" -X POST "$SERVER/conversations/$CONVERSATION/files" -H "$auth" \
    -H 'Tus-Resumable: 1.0.0' -H 'Upload-Length: 3000000' \
    -H "Upload-Metadata: filename $name,content $caption"
upload=$(header location)
echo "$upload"

step "Resumable, 2: PATCH sends the first million bytes"
head -c 1000000 "$work/my video.mp4" |
    curl -sS --fail-with-body -X PATCH "$upload" -H "$auth" -H 'Tus-Resumable: 1.0.0' -H 'Upload-Offset: 0' \
        -H 'Content-Type: application/offset+octet-stream' --data-binary @- -D -

step "Resumable, 3: HEAD says where it ends"
curl -sS --fail -I "$upload" -H "$auth" -H 'Tus-Resumable: 1.0.0'

step "Resumable, 4: the status document, for people and for programs that know no tus"
curl -sS --fail-with-body "$upload" -H "$auth" -H 'Accept: application/json'

step "Resumable, 5: the connection breaks in the middle of the rest"
tail -c +1000001 "$work/my video.mp4" >"$work/rest"
curl -sS --limit-rate 1M --max-time 1 -X PATCH "$upload" -H "$auth" -H 'Tus-Resumable: 1.0.0' \
    -H 'Upload-Offset: 1000000' -H 'Content-Type: application/offset+octet-stream' \
    -T "$work/rest" || echo "as was to be expected"

step "Resumable, 6: what arrived is kept; HEAD says how much"
curl -sS --fail -I "$upload" -H "$auth" -H 'Tus-Resumable: 1.0.0' -o "$work/headers"
offset=$(header upload-offset)
echo "$offset"

step "Resumable, 7: PATCH sends what is missing, and the answer names the message"
tail -c +$((offset + 1)) "$work/my video.mp4" |
    curl -sS --fail-with-body -X PATCH "$upload" -H "$auth" -H 'Tus-Resumable: 1.0.0' \
        -H "Upload-Offset: $offset" -H 'Content-Type: application/offset+octet-stream' \
        --data-binary @- -D "$work/headers"
cat "$work/headers"
message=$(header chat-message-id)

step "The message: GET /messages/{id}"
curl -sS --fail-with-body "$SERVER/messages/$message" -H "$auth" | tee "$work/message"

step "Its file, of which Range asks for the first bytes only"
media=$(key media_url <"$work/message")
curl -sS --fail -o "$work/start" -D - -H 'Range: bytes=0-99' "$SERVER$media" -H "$auth"

step "All of it is what was sent"
curl -sS --fail -o "$work/whole" "$SERVER$media" -H "$auth"
cmp "$work/whole" "$work/my video.mp4" && echo "the same 3000000 bytes"

step "The conversation, newest first: GET /conversations/{id}/messages"
curl -sS --fail-with-body "$SERVER/conversations/$CONVERSATION/messages?limit=2" -H "$auth"
echo
