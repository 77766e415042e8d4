//! The beginnings of packets, read before the library reads the packets: it keeps what it is sent, and gives the name
//! of a namespace back with every error.

/// The most bytes of a namespace's name. There is only one namespace, whose name has one.
const MAX_NAME_BYTES: usize = 64;
/// Between the packets of a polling body. No JSON text has it.
const SEPARATOR: u8 = 0x1e;
/// The engine's packet that has one of Socket.IO in it.
const MESSAGE: u8 = b'4';

/// Reads packets as they come, in pieces of any size.
#[derive(Debug, Default)]
pub(super) struct Packets(At);

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

/// A namespace's name that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("A namespace's name has at most {MAX_NAME_BYTES} bytes")]
pub(super) struct LongName;

impl Packets {
    /// Whether what comes up to the next packet is of no interest.
    pub(super) fn is_within(&self) -> bool {
        self.0 == At::Rest
    }

    /// Reads on, and answers how many packets begin in these bytes.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<usize, LongName> {
        let (mut begun, mut left) = (0, bytes);
        while let Some((&byte, rest)) = left.split_first() {
            if self.0 == At::Rest {
                let Some(end) = left.iter().position(|byte| *byte == SEPARATOR) else { break };
                self.0 = At::Beginning;
                left = left.get(end + 1..).unwrap_or_default();
                continue;
            }
            begun += usize::from(self.0 == At::Beginning);
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
            assert_eq!(whole.read(text.as_bytes()), expected, "{text}");
            let mut pieces = Packets::default();
            let counts: Result<Vec<_>, _> =
                text.as_bytes().chunks(1).map(|piece| pieces.read(piece)).collect();
            assert_eq!(counts.map(|counts| counts.iter().sum()), expected, "{text} in pieces");
        }
    }
}
