//! The beginnings of packets, read before the library reads the packets: it keeps whatever it is sent, and
//! repeats the name of a namespace in every error.

/// The most bytes of a namespace's name. The name of the only namespace has one.
const MAX_NAME_BYTES: usize = 64;
/// The separator of packets in a polling body, which no JSON text contains.
const SEPARATOR: u8 = 0x1e;
/// The engine's packet that contains one of Socket.IO.
const MESSAGE: u8 = b'4';
/// Socket.IO's packet that asks for a namespace, and those that this server makes and the library does not:
/// an event and an acknowledgement.
const CONNECT: u8 = b'0';
const TOLD: [u8; 2] = [b'2', b'3'];

/// A reader of packets in pieces of any size.
#[derive(Debug, Default)]
pub(super) struct Packets(At);

/// The packets that begin in a piece.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begun {
    /// The number of packets.
    pub(super) packets: usize,
    /// The number of packets that ask for a namespace.
    pub(super) connects: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Beginning,
    Kind,
    Attachments,
    Namespace,
    Name(usize),
    Rest,
}

/// A namespace's name is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("A namespace's name has at most {MAX_NAME_BYTES} bytes")]
pub(super) struct LongName;

impl Packets {
    /// Whether the bytes up to the next packet are of no interest.
    pub(super) fn is_within(&self) -> bool {
        self.0 == At::Rest
    }

    /// Reads the next bytes, and answers what begins in them.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Begun, LongName> {
        let (mut begun, mut left) = (Begun::default(), bytes);
        while let Some((&byte, rest)) = left.split_first() {
            if self.0 == At::Rest {
                let Some(end) = left.iter().position(|byte| *byte == SEPARATOR) else { break };
                self.0 = At::Beginning;
                left = left.get(end + 1..).unwrap_or_default();
                continue;
            }
            begun.packets += usize::from(self.0 == At::Beginning);
            begun.connects += usize::from(self.0 == At::Kind && byte == CONNECT);
            self.0 = self.0.after(byte)?;
            left = rest;
        }
        Ok(begun)
    }
}

impl At {
    fn after(self, byte: u8) -> Result<Self, LongName> {
        Ok(match (self, byte) {
            (_, SEPARATOR) => Self::Beginning,
            (Self::Beginning, MESSAGE) => Self::Kind,
            (Self::Kind, b'5' | b'6') => Self::Attachments,
            (Self::Kind, b'0'..=b'9') | (Self::Attachments, b'-') => Self::Namespace,
            (Self::Attachments, b'0'..=b'9') => Self::Attachments,
            (Self::Namespace, b'/') => Self::Name(1),
            (Self::Name(_), b',') => Self::Rest,
            (Self::Name(MAX_NAME_BYTES), _) => return Err(LongName),
            (Self::Name(bytes), _) => Self::Name(bytes + 1),
            _ => Self::Rest,
        })
    }
}

/// Whether an outgoing packet with this beginning is an event or an acknowledgement.
pub(super) fn is_event(packet: &[u8]) -> bool {
    matches!(packet, [MESSAGE, kind, ..] if TOLD.contains(kind))
}

/// How many events and acknowledgements the answer to a poll contains.
pub(super) fn events_in(body: &[u8]) -> usize {
    body.split(|byte| *byte == SEPARATOR).filter(|packet| is_event(packet)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_namespaces_are_short_wherever_they_are_given() {
        let name = |bytes: usize| format!("/{}", "a".repeat(bytes - 1));
        let (longest, longer) = (name(MAX_NAME_BYTES), name(MAX_NAME_BYTES + 1));
        for (text, expected) in [
            (String::new(), Ok(0)),
            ("2".into(), Ok(1)),
            ("40{\"token\":\"a\"}".into(), Ok(1)),
            ("40\u{1e}42[\"a\"]\u{1e}3".into(), Ok(3)),
            ("\u{1e}\u{1e}2".into(), Ok(3)),
            (format!("40{longest}"), Ok(1)),
            (format!("40{longest},{{}}"), Ok(1)),
            (format!("42{longest},[\"{longer}\"]"), Ok(1)),
            (format!("42[\"{longer}\"]"), Ok(1)),
            (format!("427[\"{longer}\"]"), Ok(1)),
            (format!("4{longer}"), Ok(1)),
            (format!("40{longer}"), Err(LongName)),
            (format!("41{longer},"), Err(LongName)),
            (format!("451-{longer},[]"), Err(LongName)),
            (format!("4610-{longer},[]"), Err(LongName)),
            (format!("2\u{1e}40{longer},"), Err(LongName)),
            (format!("42[\"a\"]\u{1e}42{longer},"), Err(LongName)),
        ] {
            let mut whole = Packets::default();
            assert_eq!(whole.read(text.as_bytes()).map(|begun| begun.packets), expected, "{text}");
            let mut pieces = Packets::default();
            let counts: Result<Vec<_>, _> =
                text.as_bytes().chunks(1).map(|piece| pieces.read(piece)).collect();
            let count = counts.map(|counts| counts.iter().map(|begun| begun.packets).sum());
            assert_eq!(count, expected, "{text} in pieces");
        }
    }

    #[test]
    fn packets_that_ask_for_a_namespace_are_counted() {
        for (text, connects) in [
            ("40", 1),
            ("40{\"token\":\"40\"}\u{1e}40/a,", 2),
            ("2\u{1e}3\u{1e}42[\"40\"]\u{1e}41", 0),
            ("0", 0),
            ("40\u{1e}41\u{1e}40", 2),
        ] {
            assert_eq!(Packets::default().read(text.as_bytes()).map(|begun| begun.connects), Ok(connects));
        }
    }

    #[test]
    fn outgoing_events_are_told_from_what_the_library_says() {
        for (body, events) in [
            ("", 0),
            ("2", 0),
            ("6", 0),
            ("40{\"sid\":\"42\"}\u{1e}42[\"a\"]", 1),
            ("43[1]\u{1e}42[\"4\"]\u{1e}437[1]", 3),
            ("44/42,{}\u{1e}41", 0),
        ] {
            assert_eq!(events_in(body.as_bytes()), events, "{body}");
        }
    }
}
